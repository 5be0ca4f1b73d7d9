"""Figures of runs: curves by step, the same over several runs, and the trade-off of two metrics."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core import formats
from apps.experiments.models import Run
from apps.experiments.web.words import MetricWords, metric_words, number_of

Line = Sequence[tuple[int, float]]
# Colours for runs side by side: they carry no state, so the order is all that they say (Okabe-Ito).
RUN_COLOURS = ("$candidate", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "$cloud")
TABLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its title, caption and the table of the same numbers."""

    key: str
    title: str
    figure: dict[str, Any]
    columns: list[str]
    rows: list[list[str]]
    caption: str = ""


def _by_base(keys: Sequence[str]) -> dict[str, list[MetricWords]]:
    """Keys that measure the same on several parts of the data share a chart."""
    groups: dict[str, list[MetricWords]] = {}
    for key in keys:
        words = metric_words(key)
        groups.setdefault(words.base, []).append(words)
    return dict(sorted(groups.items(), key=lambda item: (min(w.rank for w in item[1]), item[0])))


def _best(line: Line, lower: bool | None) -> tuple[int, float] | None:
    finite = [(step, value) for step, value in line if number_of(value) is not None]
    if not finite or lower is None:
        return None
    return (min if lower else max)(finite, key=lambda point: point[1])


def run_charts(curves: Mapping[str, Mapping[uuid.UUID, Line]], run: Run) -> tuple[list[Chart], list[Chart]]:
    """One chart for each measure of a run that has steps, training dotted; and those of the machine it was on."""
    unit = str(run.tags.get("fairway.curve_step", "")) if isinstance(run.tags, dict) else ""
    axis = f"step ({unit})" if unit and unit not in ("step", "none") else "step"
    charts: tuple[list[Chart], list[Chart]] = ([], [])
    for base, group in _by_base(list(curves)).items():
        lines = {words: list(curves[words.key].get(run.pk, ())) for words in group}
        charts[group[0].system].append(_run_chart(base, lines, axis))
    return charts


def _run_chart(base: str, lines: Mapping[MetricWords, Line], axis: str) -> Chart:
    data: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for words, line in lines.items():
        dotted = words.part == "training"
        name = words.part or words.label
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "meta": words.key,
                "x": [step for step, _ in line],
                "y": [number_of(value) for _, value in line],
                "line": {"color": "$candidate", "width": 1.5 if dotted else 2, "dash": "dot" if dotted else "solid"},
                "hovertemplate": f"{name}<br>step %{{x}}: <b>%{{y:.4f}}</b><extra></extra>",
            }
        )
        if line and len(lines) > 1:
            notes.append(
                {
                    "x": line[-1][0],
                    "y": number_of(line[-1][1]),
                    "text": name,
                    "xanchor": "left",
                    "xshift": 8,
                    "showarrow": False,
                    "font": {"color": "$candidate", "size": 11},
                }
            )
    _apart(notes, [value for line in lines.values() for _, value in line])
    judged = next((w for w in lines if w.part == "validation"), next(iter(lines)))
    best = _best(lines[judged], judged.lower)
    if best is not None and len(lines[judged]) > 2:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "best",
                "x": [best[0]],
                "y": [best[1]],
                "marker": {"color": "$surface", "size": 9, "line": {"color": "$candidate", "width": 2}},
                "hovertemplate": f"best {formats.num(best[1])} at step {best[0]}<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": axis},
        "yaxis": {"title": judged.low},
        "margin": {"r": 84 if len(lines) > 1 else 16},
        "annotations": notes,
    }
    columns = ["Step", *(words.part or words.label for words in lines)]
    return Chart(
        base,
        _curve_title(judged, lines, best),
        {"data": data, "layout": layout, "small": {"margin": {"r": 70}, "height": 220}},
        [column[:1].upper() + column[1:] for column in columns],
        _step_rows(list(lines.values())),
    )


def _apart(notes: list[dict[str, Any]], values: Sequence[float]) -> None:
    """Names at the ends of two lines that meet stand above and below each other."""
    finite = [value for value in values if number_of(value) is not None]
    if len(notes) != 2 or not finite or None in (notes[0]["y"], notes[1]["y"]):
        return
    span = (max(finite) - min(finite)) or 1.0
    if abs(notes[0]["y"] - notes[1]["y"]) < 0.08 * span:
        upper, lower = sorted(notes, key=lambda note: -note["y"])
        upper["yshift"], lower["yshift"] = 7, -7


def _curve_title(judged: MetricWords, lines: Mapping[MetricWords, Line], best: tuple[int, float] | None) -> str:
    """What the curve shows, in a sentence."""
    line = [(s, v) for s, v in lines[judged] if number_of(v) is not None]
    if best is None or len(line) < 3:
        return judged.title
    label, shown = judged.title, formats.num(best[1])
    last_step, last = line[-1]
    span = abs(line[0][1] - best[1]) or abs(best[1]) or 1.0
    worse = (last - best[1]) if judged.lower else (best[1] - last)
    if best[0] == last_step or worse < 0.02 * span:
        return f"{label} reaches {shown} at step {formats.num(best[0])}"
    training = next((points for words, points in lines.items() if words.part == "training" and points), None)
    falls = training is not None and (training[-1][1] < training[0][1]) == bool(judged.lower)
    if falls and judged.part == "validation":
        verb, other = ("rises", "falls") if judged.lower else ("falls", "rises")
        best_at = f"best {shown} at step {formats.num(best[0])}"
        return f"{label}, {verb} while training {other}: {best_at}"
    return f"{label} is best at step {formats.num(best[0])}: {shown}"


def _step_rows(lines: Sequence[Line]) -> list[list[str]]:
    """Values by step, thinned evenly when there are very many; the first and last step are always there."""
    by_step: dict[int, list[float | None]] = {}
    for index, line in enumerate(lines):
        for step, value in line:
            by_step.setdefault(step, [None] * len(lines))[index] = number_of(value)
    steps = sorted(by_step)
    stride = max(1, -(-len(steps) // TABLE_ROWS))
    kept = steps[::stride]
    if steps and kept[-1] != steps[-1]:
        kept.append(steps[-1])
    return [[formats.num(step), *(formats.num(v) for v in by_step[step])] for step in kept]


def compare_charts(curves: Mapping[str, Mapping[uuid.UUID, Line]], runs: Sequence[Run]) -> list[Chart]:
    """One chart for each metric with steps, a line a run; runs beyond the eighth are grey."""
    charts = []
    for key in sorted(curves, key=lambda key: (metric_words(key).rank, key)):
        words = metric_words(key)
        data, lines, heads = [], [], []
        for index, run in enumerate(runs):
            line = list(curves[key].get(run.pk, ()))
            if not line:
                continue
            lines.append(line)
            heads.append(f"{index + 1} {run.name}")
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": f"{index + 1} {run.name}",
                    "x": [step for step, _ in line],
                    "y": [number_of(value) for _, value in line],
                    "line": {"color": RUN_COLOURS[min(index, 7)], "width": 2},
                    "hovertemplate": f"{index + 1}: step %{{x}}, <b>%{{y:.4f}}</b><extra></extra>",
                }
            )
        layout = {
            "xaxis": {"title": "step"},
            "yaxis": {"title": words.low},
            "showlegend": True,
            "margin": {"t": 28},
        }
        rows = _step_rows(lines)
        charts.append(Chart(key, words.title, {"data": data, "layout": layout}, ["Step", *heads], rows))
    return charts


@dataclass(frozen=True, slots=True)
class Spot:
    """A run in the trade-off chart."""

    run: Run
    x: float
    y: float
    flag: str = ""
    live: bool = False


def trade_off(spots: Sequence[Spot], x: MetricWords, y: MetricWords) -> Chart | None:
    """Two metrics against each other; what no run beats on both is joined. None with fewer than two runs."""
    if len(spots) < 2:
        return None
    front = _front(spots, x, y)
    live = next((spot for spot in spots if spot.live), None)
    newest = next((spot for spot in spots if spot.flag and not spot.live), None)
    plain = [spot for spot in spots if spot is not live and spot is not newest]
    data = [_marks(plain, "runs", {"color": "$cloud/0.75", "size": 7})]
    if front:
        marker = {"color": "$surface", "size": 8, "line": {"color": "$text-2", "width": 1.5}}
        joined = _marks(front, "not beaten on both", marker)
        data.append({**joined, "mode": "lines+markers", "line": {"color": "$text-3", "dash": "dot", "width": 1}})
    notes, shapes = [], []
    for spot, colour, symbol in ((live, "$live", "square"), (newest, "$candidate", "diamond")):
        if spot is not None:
            data.append(_marks([spot], spot.flag, {"color": colour, "size": 11, "symbol": symbol}))
            notes.append(_note(spot, colour))
    if live is not None:
        shapes = [
            {"type": "line", "xref": "x", "yref": "paper", "x0": live.x, "x1": live.x, "y0": 0, "y1": 1, **_DOTTED},
            {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": live.y, "y1": live.y, **_DOTTED},
        ]
    layout = {
        "xaxis": {"title": _axis(x), "tickformat": ".0%" if x.percent else ""},
        "yaxis": {"title": _axis(y), "tickformat": ".0%" if y.percent else ""},
        "annotations": notes,
        "shapes": shapes,
    }
    rows = [[spot.run.name, x.show(spot.x), y.show(spot.y)] for spot in spots]
    return Chart(
        "trade-off",
        _trade_title(spots, front, live, x, y),
        {"data": data, "layout": layout, "small": {"height": 240}},
        ["Run", x.title, y.title],
        rows,
        "Validation rows, not the test rows that an evaluation uses." if "validation" in (x.part, y.part) else "",
    )


_DOTTED = {"line": {"color": "$text-3", "width": 1, "dash": "dot"}}


def _axis(words: MetricWords) -> str:
    if words.lower is None:
        return words.label
    return f"{words.label} ({'lower' if words.lower else 'higher'} is better)"


def _marks(spots: Sequence[Spot], name: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [spot.x for spot in spots],
        "y": [spot.y for spot in spots],
        "text": [spot.run.name for spot in spots],
        "marker": marker,
        "hovertemplate": "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
    }


def _note(spot: Spot, colour: str) -> dict[str, Any]:
    font = {"color": colour, "size": 12, "weight": 600}
    return {
        "x": spot.x,
        "y": spot.y,
        "text": spot.flag,
        "showarrow": False,
        "xshift": 8,
        "xanchor": "left",
        "font": font,
    }


def _beats(one: float, other: float, words: MetricWords) -> bool:
    return one < other if words.lower or words.lower is None else one > other


def _front(spots: Sequence[Spot], x: MetricWords, y: MetricWords) -> list[Spot]:
    """Runs that no other run beats on both metrics; empty where a metric has no better direction."""
    if x.lower is None or y.lower is None:
        return []
    ordered = sorted(spots, key=lambda s: (s.x if x.lower else -s.x, s.y if y.lower else -s.y))
    front: list[Spot] = []
    for spot in ordered:
        if not front or _beats(spot.y, front[-1].y, y):
            front.append(spot)
    return front


def _trade_title(
    spots: Sequence[Spot], front: Sequence[Spot], live: Spot | None, x: MetricWords, y: MetricWords
) -> str:
    if live is not None and x.lower is not None and y.lower is not None:
        better_y = [s for s in spots if _beats(s.y, live.y, y)]
        both = [s for s in better_y if not _beats(live.x, s.x, x)]
        return (
            f"{formats.num(len(better_y))} of {formats.num(len(spots))} runs beat live on {y.low}; "
            f"{formats.num(len(both))} of them without losing on {x.low}"
        )
    if front:
        of = f"{formats.num(len(spots))} run{'' if len(spots) == 1 else 's'} {'is' if len(front) == 1 else 'are'}"
        pair = f"both {x.low} and {y.low}"
        return f"{len(front)} of {of} not beaten on {pair}"
    return f"{y.label} against {x.low}"
