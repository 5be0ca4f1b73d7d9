"""Figures of a sweep: the best so far, parallel coordinates, what the parameters have to do with the objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from analysis.importance import importances
from apps.core import formats
from apps.core.web.parallel import parallel_figure, scaled
from apps.sweeps.contracts import Aim, Standing
from apps.sweeps.models import Trial

LINES = 300
BARS = 12


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its title, caption and the table of the same numbers."""

    key: str
    title: str
    figure: dict[str, Any]
    columns: list[str]
    rows: list[list[str]]
    caption: str = ""


def charts_of(found: Standing, trials: Sequence[Trial], axes: Sequence[str]) -> list[Chart]:
    """Those that there is something to draw of."""
    done = [one for one in trials if one.state == Trial.State.DONE]
    drawn = [
        history_chart(found),
        parallel_chart(done, axes, found.aims[0]),
        importance_chart(done, axes, found.aims[0]),
        front_chart(found, done),
    ]
    return [one for one in drawn if one is not None]


def history_chart(found: Standing) -> Chart | None:
    """Each trial's value and the best until then. None before the second trial is done."""
    if len(found.history) < 2:
        return None
    aim = found.aims[0]
    numbers = [number for number, _, _ in found.history]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "trial",
            "x": numbers,
            "y": [value for _, value, _ in found.history],
            "marker": {"color": "$cloud/0.75", "size": 7},
            "hovertemplate": "trial %{x}: <b>%{y:.4g}</b><extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": numbers,
            "y": [best for _, _, best in found.history],
            "line": {"color": "$candidate", "width": 2, "shape": "hv"},
            "hovertemplate": "best until trial %{x}: <b>%{y:.4g}</b><extra></extra>",
        },
    ]
    layout = {"xaxis": {"title": "trial"}, "yaxis": {"title": aim.name}, "showlegend": True, "margin": {"t": 28}}
    last = found.history[-1][2]
    since = next(number for number, _, best in found.history if best == last)
    title = f"{aim.name}: {formats.num(last)} since trial {since}"
    rows = [[str(number), formats.num(value), formats.num(best)] for number, value, best in found.history]
    return Chart("history", title, {"data": data, "layout": layout}, ["Trial", aim.name, "Best so far"], rows)


def parallel_chart(done: Sequence[Trial], axes: Sequence[str], aim: Aim) -> Chart | None:
    """A line a trial across its parameters to the first objective, coloured by it."""
    held = [one for one in done if all(name in one.params for name in axes)][-LINES:]
    if len(held) < 2:
        return None
    heights = [_heights([one.params[name] for one in held]) for name in axes]
    heights.append(scaled([one.values[0] for one in held]))
    names = [*axes, aim.name]
    shown = [[*(value_text(one.params[name]) for name in axes), formats.num(one.values[0])] for one in held]
    texts = [
        [f"Trial {one.number}: {name} {told}" for name, told in zip(names, words, strict=True)]
        for one, words in zip(held, shown, strict=True)
    ]
    urls = [reverse("run-detail", args=[one.run_id]) for one in held]
    rows = [[str(one.number), *words] for one, words in zip(held, shown, strict=True)]
    return Chart(
        "parallel",
        f"From parameters to {aim.name}: {formats.num(len(held))} trials",
        parallel_figure(names, heights, texts, urls),
        ["Trial", *names],
        rows,
        f"Dark lines are low in {aim.name}, light ones high. Texts stand in the order of the alphabet.",
    )


def importance_chart(done: Sequence[Trial], axes: Sequence[str], aim: Aim) -> Chart | None:
    """Bars of the variance that each parameter explains. None with fewer than five trials, or where nothing varies."""
    rows = [
        ({name: value_text(one.params[name]) for name in axes if name in one.params}, one.values[0]) for one in done
    ]
    found = importances(rows)
    if not found:
        return None
    shown = found[:BARS][::-1]
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
    first = found[0]
    title = f"No parameter says much about {aim.name}"
    if first.explained >= 0.1:
        title = f"{first.key} says most about {aim.name}: {formats.percent(first.explained)} of its variance"
    table = [
        [
            one.key,
            formats.percent(one.explained),
            formats.UNDEFINED if one.correlation is None else formats.difference(one.correlation),
            formats.num(one.runs),
        ]
        for one in found
    ]
    caption = (
        "Of the ranks, one parameter at a time and corrected for chance (epsilon squared). The sampler looks more "
        "where it is good, so this describes these trials and is no proof of a cause."
    )
    columns = ["Parameter", "Variance explained", "Rank correlation", "Trials"]
    return Chart("importance", title, {"data": [bars], "layout": layout}, columns, table, caption)


def front_chart(found: Standing, done: Sequence[Trial]) -> Chart | None:
    """The first two objectives against each other; what no trial beats in every objective is joined."""
    if len(found.aims) < 2 or len(done) < 2:
        return None
    first, second = found.aims[:2]
    front = sorted(found.front, key=lambda one: one.values[0])
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "trials",
            "x": [one.values[0] for one in done],
            "y": [one.values[1] for one in done],
            "text": [f"Trial {one.number}" for one in done],
            "marker": {"color": "$cloud/0.75", "size": 7},
            "hovertemplate": "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "not beaten",
            "x": [one.values[0] for one in front],
            "y": [one.values[1] for one in front],
            "text": [f"Trial {one.number}" for one in front],
            "marker": {"color": "$candidate", "size": 9},
            "line": {"color": "$text-3", "dash": "dot", "width": 1},
            "hovertemplate": "%{text}<br>%{x:.4g}, %{y:.4g}<extra></extra>",
        },
    ]
    dotted = {"line": {"color": "$text-3", "width": 1, "dash": "dot"}}
    shapes = []
    if first.limit is not None:
        shapes.append(
            {"type": "line", "yref": "paper", "x0": first.limit, "x1": first.limit, "y0": 0, "y1": 1, **dotted}
        )
    if second.limit is not None:
        shapes.append(
            {"type": "line", "xref": "paper", "y0": second.limit, "y1": second.limit, "x0": 0, "x1": 1, **dotted}
        )
    layout = {
        "xaxis": {"title": f"{first.name} ({'lower' if first.lower else 'higher'} is better)"},
        "yaxis": {"title": f"{second.name} ({'lower' if second.lower else 'higher'} is better)"},
        "shapes": shapes,
        "showlegend": True,
        "margin": {"t": 28},
    }
    many = f"{len(front)} of {len(done)} trials"
    title = f"{many} {'is' if len(front) == 1 else 'are'} not beaten in every objective"
    rows = [[str(one.number), formats.num(one.values[0]), formats.num(one.values[1])] for one in done]
    columns = ["Trial", first.name, second.name]
    return Chart("front", title, {"data": data, "layout": layout}, columns, rows, "Dotted lines are limits.")


def value_text(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _heights(values: Sequence[Any]) -> list[float]:
    """Places from 0 to 1: numbers by size (by ratio where they span more than two powers of ten), else the alphabet."""
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        numbers = [float(one) for one in values]
        if min(numbers) > 0 and max(numbers) / min(numbers) > 100:
            numbers = [math.log(one) for one in numbers]
        return scaled(numbers)
    order = {text: place for place, text in enumerate(sorted({str(one) for one in values}))}
    return scaled([float(order[str(one)]) for one in values])
