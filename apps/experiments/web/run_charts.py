"""Charts over the runs that a table's filters leave: curves, parallel coordinates, boxes by param, importance."""

from __future__ import annotations

import math
import statistics
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from analysis.importance import Importance
from apps.core import formats
from apps.core.web.parallel import parallel_figure, scaled
from apps.experiments.models import Run
from apps.experiments.selectors import CurvePoint
from apps.experiments.web.charts import RUN_COLOURS, Chart
from apps.experiments.web.words import MetricWords, number_of, param_shown

BOXES = 12
BARS = 12
AXES = 6
LINES = 200


def curves_chart(
    curves: Mapping[uuid.UUID, Sequence[CurvePoint]],
    runs: Sequence[Run],
    words: MetricWords,
    *,
    by_time: bool = False,
    smooth: float = 0.0,
    logs: tuple[bool, bool] = (False, False),
) -> Chart | None:
    """A line a run; smoothed ones over a thin line of what was measured. None where no run has a curve."""
    data: list[dict[str, Any]] = []
    rows: list[list[str]] = []
    for number, run in enumerate(runs):
        points = curves.get(run.pk, ())
        if not points:
            continue
        colour = RUN_COLOURS[min(len(rows), len(RUN_COLOURS) - 1)]
        begun = min(point.timestamp for point in points)
        across = [(point.timestamp - begun) / 60_000 if by_time else point.step for point in points]
        values = [point.value for point in points]
        name = f"{number + 1} {run.name}"
        if smooth:
            data.append(_line("", across, values, colour, 1) | {"opacity": 0.3, "hoverinfo": "skip"})
            data.append(_line(name, across, smoothed(values, smooth), colour, 2))
        else:
            data.append(_line(name, across, values, colour, 2))
        data[-1]["customdata"] = [_url(run)] * len(across)
        shown = [words.show(value) for value in (values[0], min(values), max(values), values[-1])]
        rows.append([name, formats.num(len(points)), *shown])
    if all(len(line["x"]) < 2 for line in data):
        return None
    layout = {
        "xaxis": {"title": "minutes since its first" if by_time else "step", "type": "log" if logs[0] else "linear"},
        "yaxis": {"title": words.low, "type": "log" if logs[1] else "linear"},
        "showlegend": True,
        "margin": {"t": 28},
    }
    told = ["The highest and lowest of every stretch are drawn."]
    if smooth:
        told.append("Thin lines are what was measured.")
    if any(logs):
        told.append("A logarithmic axis has no place for 0 and below.")
    columns = ["Run", "Points", "First", "Lowest", "Highest", "Last"]
    many = f"{len(rows)} run{'' if len(rows) == 1 else 's'}"
    figure = {"data": data, "layout": layout}
    return Chart("curves", f"{words.title} of {many}", figure, columns, rows, " ".join(told))


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average without the pull to zero at the start; infinities interrupt it."""
    found, last, count = [], 0.0, 0
    for value in values:
        if not math.isfinite(value):
            found.append(value)
            continue
        count += 1
        last = last * weight + (1 - weight) * value
        found.append(last / (1 - weight**count))
    return found


def _line(name: str, x: Sequence[float], y: Sequence[float], colour: str, width: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "showlegend": bool(name),
        "x": list(x),
        "y": [number_of(value) for value in y],
        "line": {"color": colour, "width": width},
        "hovertemplate": "%{fullData.name}<br>%{x:.4g}: <b>%{y:.4g}</b><extra></extra>",
    }


def importance_chart(found: Sequence[Importance], words: MetricWords) -> Chart | None:
    """Bars of the variance that each param explains. None where nothing varies."""
    if not found:
        return None
    shown = list(found[:BARS])[::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [one.explained for one in shown],
        "y": [one.key for one in shown],
        "marker": {"color": "$candidate"},
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": "share of variance explained", "tickformat": ".0%", "range": [0, 1]},
        "yaxis": {"type": "category"},
        "height": 80 + 26 * len(shown),
    }
    rows = [
        [
            one.key,
            formats.percent(one.explained),
            formats.UNDEFINED if one.correlation is None else formats.difference(one.correlation),
            formats.num(one.runs),
            formats.num(one.values),
        ]
        for one in found
    ]
    first = found[0]
    title = f"No param says much about {words.low}"
    if first.explained >= 0.1:
        title = f"{first.key} says most about {words.low}: {formats.percent(first.explained)} of its variance"
    columns = ["Param", "Variance explained", "Rank correlation", "Runs", "Values"]
    caption = (
        "Of the ranks, one param at a time and corrected for chance (epsilon squared): params that changed together "
        "share it, and it is no proof of a cause."
    )
    return Chart("importance", title, {"data": [bars], "layout": layout}, columns, rows, caption)


def box_chart(runs: Sequence[Run], param: str, words: MetricWords) -> Chart | None:
    """The metric by the most frequent values of a param. None where there are fewer than two."""
    groups: dict[str, list[tuple[Run, float]]] = {}
    for run in runs:
        value = number_of(run.metrics_latest.get(words.key))
        if value is not None and param in run.params:
            groups.setdefault(param_shown(run.params[param]), []).append((run, value))
    if len(groups) < 2:
        return None
    frequent = sorted(groups, key=lambda text: (-len(groups[text]), text))[:BOXES]
    shown = sorted(frequent, key=_natural)
    data, rows = [], []
    for text in shown:
        values = [value for _, value in groups[text]]
        data.append(
            {
                "type": "box",
                "name": text,
                "y": values,
                "text": [run.name for run, _ in groups[text]],
                "customdata": [_url(run) for run, _ in groups[text]],
                "boxpoints": "all",
                "jitter": 0.4,
                "pointpos": 0,
                "marker": {"color": "$cloud/0.75", "size": 5},
                "line": {"color": "$candidate", "width": 1.5},
                "hovertemplate": "%{text}: <b>%{y:.4g}</b><extra></extra>",
            }
        )
        numbers = [min(values), statistics.median(values), max(values)]
        rows.append([text, formats.num(len(values)), *(words.show(number) for number in numbers)])
    layout = {"xaxis": {"title": param, "type": "category"}, "yaxis": {"title": words.low}}
    caption = f"The {BOXES} most frequent of {len(groups)} values." if len(groups) > BOXES else ""
    figure = {"data": data, "layout": layout}
    return Chart(
        "box", f"{words.title} by {param}", figure, [param, "Runs", "Lowest", "Median", "Highest"], rows, caption
    )


def parallel_chart(runs: Sequence[Run], params: Sequence[str], words: MetricWords) -> Chart | None:
    """A line a run across its params to the metric, coloured by the metric. None with fewer than two runs or params."""
    held = [(run, value) for run in runs if (value := number_of(run.metrics_latest.get(words.key))) is not None]
    held = [(run, value) for run, value in held if all(key in run.params for key in params)][:LINES]
    if len(held) < 2 or not params:
        return None
    heights = [_heights([str(run.params[key]) for run, _ in held]) for key in params]
    heights.append(scaled([value for _, value in held]))
    names = [*params, words.label]
    shown = [[*(param_shown(run.params[key]) for key in params), words.show(value)] for run, value in held]
    texts = [
        [f"{run.name}: {name} {one}" for name, one in zip(names, told, strict=True)]
        for (run, _), told in zip(held, shown, strict=True)
    ]
    rows = [[run.name, *told] for (run, _), told in zip(held, shown, strict=True)]
    many = f"{formats.num(len(held))} runs"
    caption = f"Dark lines are low in {words.low}, light ones high. Texts stand in the order of the alphabet."
    figure = parallel_figure(names, heights, texts, [_url(run) for run, _ in held])
    return Chart("parallel", f"From params to {words.low}: {many}", figure, ["Run", *names], rows, caption)


def _heights(texts: Sequence[str]) -> list[float]:
    """Places from 0 to 1: numbers by size, else texts by the alphabet."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        numbers = [math.nan]
    if all(math.isfinite(number) for number in numbers):
        return scaled(numbers)
    order = {text: place for place, text in enumerate(sorted(set(texts)))}
    return scaled([float(order[text]) for text in texts])


def _natural(text: str) -> tuple[int, float, str]:
    """Numbers by size before texts by the alphabet."""
    try:
        number = float(text)
    except ValueError:
        return 1, 0.0, text
    return (0, number, text) if math.isfinite(number) else (1, 0.0, text)


def _url(run: Run) -> str:
    return reverse("run-detail", args=[run.pk])
