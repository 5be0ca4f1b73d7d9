"""ROC, precision and recall, calibration, scores and feature importance, for both versions on the same rows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Estimate, Report
from apps.core import formats
from apps.evaluations.contracts.numbers import interval_text, value_text
from apps.evaluations.contracts.verdict import Speech

MOST_FEATURES: Final = 15
Curves = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with the same numbers as rows; `title` states the finding."""

    key: str
    title: str
    figure: dict[str, Any]
    columns: list[str]
    rows: list[list[str]]
    caption: str


def curve_charts(
    report: Report,
    speech: Speech,
    own: Curves | None,
    base: Curves | None,
    metrics: dict[str, Estimate],
    before: dict[str, Estimate],
) -> list[Chart]:
    """The four charts of one group; those without points are left out."""
    if not own:
        return []
    charts = [
        _line_chart("roc", "roc_auc", own, base, speech, metrics, before),
        _line_chart("pr", "pr_auc", own, base, speech, metrics, before),
        _calibration(own, base, speech, metrics),
        _scores(own, report, speech),
    ]
    return [chart for chart in charts if chart is not None]


_AXES: Final = {
    "roc": ("False positive rate", "Recall", "Each point is a threshold; the dashed line is guessing."),
    "pr": ("Recall", "Precision", "Each point is a threshold; higher and further right is better."),
}


def _line_chart(
    key: str,
    name: str,
    own: Curves,
    base: Curves | None,
    speech: Speech,
    metrics: dict[str, Estimate],
    before: dict[str, Estimate],
) -> Chart | None:
    curve, other = own.get(key) or {}, (base or {}).get(key) or {}
    if not curve.get("x"):
        return None
    across, up, caption = _AXES[key]
    data = [_curve(other, speech.baseline, "$live", 1.5)] if other.get("x") else []
    data.append(_curve(curve, speech.candidate, "$candidate", 2))
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": across}, "range": [0, 1.005]},
        "yaxis": {"title": {"text": up}, "range": [0, 1.01]},
        "showlegend": bool(other.get("x")),
        "margin": {"t": 28 if other.get("x") else 12},
    }
    if key == "roc":
        layout["shapes"] = [_diagonal()]
    rows = _curve_rows(speech.candidate, curve) + (_curve_rows(speech.baseline, other) if other.get("x") else [])
    columns = ["Version", "Threshold", across, up]
    return Chart(
        key, _estimate_title(name, metrics, before, speech), {"data": data, "layout": layout}, columns, rows, caption
    )


def _curve(curve: Curves, name: str, colour: str, width: float) -> dict[str, Any]:
    shown = [formats.fixed(one, 2) for one in curve.get("threshold") or []]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": curve["x"],
        "y": curve["y"],
        "customdata": shown,
        "line": {"color": colour, "width": width},
        "hovertemplate": f"{name}, threshold %{{customdata}}<br>%{{x:.3f}}, %{{y:.3f}}<extra></extra>",
    }


def _curve_rows(name: str, curve: Curves) -> list[list[str]]:
    thresholds: Sequence[float] = curve.get("threshold") or []
    return [
        [name, formats.fixed(at, 2), formats.fixed(x, 3), formats.fixed(y, 3)]
        for at, x, y in zip(thresholds, curve["x"], curve["y"], strict=False)
    ]


def _diagonal() -> dict[str, Any]:
    return {
        "type": "line",
        "x0": 0,
        "y0": 0,
        "x1": 1,
        "y1": 1,
        "line": {"color": "$text-3", "width": 1, "dash": "dot"},
    }


def _estimate_title(name: str, metrics: dict[str, Estimate], before: dict[str, Estimate], speech: Speech) -> str:
    metric, own, other = metric_get(name), metrics.get(name), before.get(name)
    if own is None or own.value is None:
        return metric.label
    title = f"{metric.label} {value_text(metric, own.value)} {interval_text(metric, own.low, own.high)}".strip()
    if other is not None and other.value is not None and speech.baseline:
        title += f", {speech.baseline} {value_text(metric, other.value)}"
    return title


def _calibration(own: Curves, base: Curves | None, speech: Speech, metrics: dict[str, Estimate]) -> Chart | None:
    curve, other = own.get("calibration") or {}, (base or {}).get("calibration") or {}
    if not curve.get("score"):
        return None
    word = speech.positive_word or "positive"
    data = [_points(other, speech.baseline, "$live", 6)] if other.get("score") else []
    data.append(_points(curve, speech.candidate, "$candidate", 8, bars=True))
    layout = {
        "xaxis": {"title": {"text": "Mean score"}, "range": [0, 1.005]},
        "yaxis": {"title": {"text": f"Share that were {word}"}, "range": [0, 1.02]},
        "shapes": [_diagonal()],
        "showlegend": bool(other.get("score")),
        "margin": {"t": 28 if other.get("score") else 12},
    }
    rows = [
        [name, formats.fixed(score, 3), formats.fixed(rate, 3), formats.num(int(n))]
        for name, one in ((speech.candidate, curve), (speech.baseline, other))
        if one.get("score")
        for score, rate, n in zip(one["score"], one["rate"], one["n"], strict=False)
    ]
    columns = ["Version", "Mean score", f"Share {word}", "Rows"]
    title = _estimate_title("ece", metrics, {}, speech)
    caption = "On the dashed line a score of 0.7 means 7 of 10. Each point is a tenth of the score's range."
    return Chart("calibration", title, {"data": data, "layout": layout}, columns, rows, caption)


def _points(curve: Curves, name: str, colour: str, size: int, *, bars: bool = False) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": curve["score"],
        "y": curve["rate"],
        "customdata": curve["n"],
        "line": {"color": colour, "width": 1.5},
        "marker": {"color": colour, "size": size},
        "hovertemplate": f"{name}, %{{customdata}} rows<br>score %{{x:.3f}}, share %{{y:.3f}}<extra></extra>",
    }
    if bars and curve.get("low") and curve.get("high"):
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - rate for high, rate in zip(curve["high"], curve["rate"], strict=False)],
            "arrayminus": [rate - low for low, rate in zip(curve["low"], curve["rate"], strict=False)],
            "color": colour,
            "thickness": 1.5,
            "width": 0,
        }
    return trace


def _scores(own: Curves, report: Report, speech: Speech) -> Chart | None:
    histogram = own.get("histogram") or {}
    edges = histogram.get("edges") or []
    if len(edges) < 2:
        return None
    negatives, positives = histogram["negatives"], histogram["positives"]
    words = (speech.negative_word or "negative", speech.positive_word or "positive")
    middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
    spans = [f"{formats.fixed(a, 2)} to {formats.fixed(b, 2)}" for a, b in itertools.pairwise(edges)]
    data = [
        {
            "type": "bar",
            "name": word,
            "x": middles,
            "y": counts,
            "customdata": spans,
            "marker": {"color": colour},
            "hovertemplate": f"%{{customdata}}<br>%{{y}} {word}<extra></extra>",
        }
        for word, counts, colour in ((words[0], negatives, "$cloud"), (words[1], positives, "$candidate"))
    ]
    layout: dict[str, Any] = {
        "barmode": "stack",
        "bargap": 0.05,
        "showlegend": True,
        "margin": {"t": 28},
        "xaxis": {"title": {"text": f"Score of {words[1]}"}, "range": [0, 1]},
        "yaxis": {"title": {"text": "Rows"}, "rangemode": "tozero"},
    }
    title = f"Scores of {formats.num(sum(negatives) + sum(positives))} rows"
    if report.threshold is not None:
        at = report.threshold
        line = {"color": "$text-3", "width": 1, "dash": "dot"}
        layout["shapes"] = [{"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line}]
        title += f"; from {formats.fixed(at, 3)} on the advice is {words[1]}"
    rows = [
        [span, formats.num(int(a)), formats.num(int(b))]
        for span, a, b in zip(spans, negatives, positives, strict=False)
        if a or b
    ]
    columns = ["Score", words[0][:1].upper() + words[0][1:], words[1][:1].upper() + words[1][1:]]
    return Chart("scores", title, {"data": data, "layout": layout}, columns, rows, "The line is the threshold.")


def importance_chart(report: Report) -> Chart | None:
    """What the prediction rests on most; None when the report tells nothing."""
    found = sorted(report.importance, key=lambda one: -abs(float(one["value"])))[:MOST_FEATURES]
    if not found:
        return None
    names = [str(one["feature"]) for one in found]
    values = [float(one["value"]) for one in found]
    figure = {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": values[::-1],
                "y": names[::-1],
                "marker": {"color": "$candidate"},
                "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
            }
        ],
        "layout": {
            "height": 32 * len(names) + 56,
            "margin": {"l": 120, "t": 8},
            "xaxis": {"title": {"text": "Loss of score when the column is shuffled"}, "zeroline": True},
            "yaxis": {"showgrid": False},
        },
    }
    rows = [[name, formats.num(value)] for name, value in zip(names, values, strict=True)]
    caption = "Importance is about this model on these rows; it does not say what causes the outcome."
    return Chart("importance", f"It rests on {names[0]} most", figure, ["Column", "Importance"], rows, caption)
