"""Charts as figure dicts for Plotly; "$name" stands for a colour of the page's style sheet."""

import html
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from analysis.contracts.metrics import PERCENT, Metric
from analysis.contracts.report import BETTER, WORSE
from analysis.contracts.wording import unit_text
from analysis.report import Row
from workers.exporting.evidence import Evidence
from workers.exporting.tables import changed, valued

Json = dict[str, Any]
ROW: Final = 30
LABEL: Final = 34
LOOKS: Final = {WORSE: ("worse", "triangle-down"), BETTER: ("better", "triangle-up"), "": ("same", "circle")}
"""Colour and shape of a mark by what is proven."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One line of a forest in the unit that is shown; `value` is None where `word` says why nothing is drawn."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    look: str
    word: str
    told: str


def forest_marks(evidence: Evidence, metric: Metric) -> list[Mark]:
    """The lines of the segment table as marks: changes with a baseline, else the values."""
    return [_mark(row, metric) for row in evidence.rows(metric)]


def _mark(row: Row, metric: Metric) -> Mark:
    scale = 100.0 if metric.unit == PERCENT else 1.0
    if row.state == "suppressed":
        return Mark(row.label, None, None, None, "", "hidden", "")
    if row.state != "ok":
        n = row.estimate.n if row.estimate is not None else row.n
        word = f"not enough data (n = {n})" if row.state == "thin" else "no number"
        return Mark(row.label, None, None, None, "", word, "")
    drawn = row.difference if row.baseline is not None else row.estimate
    if drawn is None or drawn.value is None:
        return Mark(row.label, None, None, None, "", "no number", "")
    low, high = (None if end is None else scale * end for end in (drawn.low, drawn.high))
    verdict = row.difference.verdict if row.difference is not None else ""
    told = changed(metric, row.difference) if row.baseline is not None else valued(metric, row.estimate)
    look = verdict if verdict in LOOKS else ""
    return Mark(row.label, scale * drawn.value, low, high, look, "", told)


def forest_axis(evidence: Evidence, metric: Metric) -> str:
    """What the axis of a forest shows."""
    against = evidence.report.has_baseline
    unit = unit_text(metric, evidence.facts.currency, change=against)
    if not against:
        return unit or evidence.label(metric)
    side = {True: ", right is better", False: ", left is better"}.get(bool(metric.higher_is_better))
    return f"{unit or 'change'} against {evidence.facts.baseline}{side if metric.higher_is_better is not None else ''}"


def forest_figure(evidence: Evidence, metric: Metric) -> Json:
    """Each mark with its interval on the line of its group."""
    marks = forest_marks(evidence, metric)
    data = []
    for look, (colour, symbol) in LOOKS.items():
        drawn = [(index, mark) for index, mark in enumerate(marks) if mark.value is not None and mark.look == look]
        if drawn:
            data.append(_trace(drawn, f"${colour}", symbol))
    words = [
        {
            "x": 0.5, "xref": "paper", "y": index, "text": _safe(mark.word), "showarrow": False,
            "font": {"size": 11, "color": "$text-3"},
        }
        for index, mark in enumerate(marks)
        if mark.value is None
    ]  # fmt: skip
    return {
        "data": data,
        "layout": {
            "height": ROW * len(marks) + 70,
            "margin": {"l": 24 + 7 * max(len(_short(mark.label)) for mark in marks), "r": 16, "t": 12, "b": 48},
            "showlegend": False,
            "xaxis": {"title": {"text": _safe(forest_axis(evidence, metric))}, "zeroline": False},
            "yaxis": {
                "tickvals": list(range(len(marks))),
                "ticktext": [_safe(_short(mark.label)) for mark in marks],
                "range": [len(marks) - 0.5, -0.5],
                "showgrid": False,
                "fixedrange": True,
            },
            "shapes": [_upright(0.0, "$text-3")] if evidence.report.has_baseline else [],
            "annotations": words,
        },
    }


def _trace(drawn: list[tuple[int, Mark]], colour: str, symbol: str) -> Json:
    values = [float(mark.value or 0.0) for _, mark in drawn]
    highs = [at if mark.high is None else mark.high for at, (_, mark) in zip(values, drawn, strict=True)]
    lows = [at if mark.low is None else mark.low for at, (_, mark) in zip(values, drawn, strict=True)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": [index for index, _ in drawn],
        "marker": {"color": colour, "size": 9, "symbol": symbol},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - at for high, at in zip(highs, values, strict=True)],
            "arrayminus": [at - low for low, at in zip(lows, values, strict=True)],
            "color": colour,
            "thickness": 1.75,
            "width": 0,
        },
        "text": [_safe(f"{mark.label}: {mark.told}") for _, mark in drawn],
        "hovertemplate": "%{text}<extra></extra>",
    }


def curve_figures(evidence: Evidence) -> list[tuple[str, str, Json]]:
    """(key, title, figure) of ROC, calibration and scores of everyone; of those that the report holds."""
    overall, facts = evidence.report.overall, evidence.facts
    own, base = overall.curves or {}, overall.baseline_curves or {}
    sides = [(base, facts.baseline, "$before"), (own, facts.candidate, "$candidate")]
    found: list[tuple[str, str, Json]] = []
    roc = _traces(sides, "roc", "x", "y", "lines")
    if roc:
        found.append(("roc", "ROC", _square(roc, "False positive rate", "Recall")))
    calibration = _traces(sides, "calibration", "score", "rate", "lines+markers")
    if calibration:
        up = f"Share that were {facts.positive_word or 'positive'}"
        found.append(("calibration", "Calibration", _square(calibration, "Mean score", up)))
    if own.get("histogram", {}).get("edges"):
        found.append(("scores", f"Scores of {facts.candidate}", _scores(evidence, own["histogram"])))
    return found


def _traces(sides: list[tuple[Json, str, str]], key: str, across: str, up: str, mode: str) -> list[Json]:
    """A curve of each side that has one."""
    return [
        {
            "type": "scatter",
            "mode": mode,
            "name": _safe(name),
            "x": side[key][across],
            "y": side[key][up],
            "line": {"color": colour},
        }
        for side, name, colour in sides
        if side.get(key, {}).get(across)
    ]


def _square(data: list[Json], across: str, up: str) -> Json:
    diagonal = {
        "type": "line",
        "x0": 0,
        "y0": 0,
        "x1": 1,
        "y1": 1,
        "line": {"color": "$text-3", "width": 1, "dash": "dot"},
    }
    return {
        "data": data,
        "layout": {
            "height": 320,
            "margin": {"l": 56, "r": 12, "t": 32, "b": 48},
            "xaxis": {"title": {"text": _safe(across)}, "range": [0, 1.01]},
            "yaxis": {"title": {"text": _safe(up)}, "range": [0, 1.02]},
            "showlegend": len(data) > 1,
            "shapes": [diagonal],
        },
    }


def _scores(evidence: Evidence, histogram: Json) -> Json:
    facts = evidence.facts
    middles = [(a + b) / 2 for a, b in pairwise(histogram["edges"])]
    words = (facts.negative_word or "negative", facts.positive_word or "positive")
    sides = ((histogram["negatives"], words[0], "$same"), (histogram["positives"], words[1], "$candidate"))
    at = evidence.report.threshold
    return {
        "data": [
            {"type": "bar", "name": _safe(word), "x": middles, "y": counts, "marker": {"color": colour}}
            for counts, word, colour in sides
        ],
        "layout": {
            "height": 320,
            "barmode": "stack",
            "bargap": 0.05,
            "margin": {"l": 56, "r": 12, "t": 32, "b": 48},
            "xaxis": {"title": {"text": "Score"}, "range": [0, 1]},
            "yaxis": {"title": {"text": "Rows"}},
            "showlegend": True,
            "shapes": [_upright(at, "$text")] if at is not None else [],
        },
    }


def _upright(at: float, colour: str) -> Json:
    line = {"color": colour, "width": 1}
    return {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _short(label: str) -> str:
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


def _safe(text: str) -> str:
    """Plotly reads some tags in texts; a label is never one."""
    return html.escape(text, quote=False)
