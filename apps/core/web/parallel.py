"""Parallel coordinates: a line across several axes for each thing, coloured by the last of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SCALE = ("#472D7B", "#3B528B", "#21918C", "#5EC962", "#B5DE2B")
"""From low to high, the ends of viridis that are seen on light and dark ground."""


def scaled(numbers: Sequence[float]) -> list[float]:
    """The numbers as places from 0 (the lowest) to 1; all in the middle when they are equal."""
    low, high = min(numbers), max(numbers)
    return [0.5 if high == low else (number - low) / (high - low) for number in numbers]


def parallel_figure(
    axes: Sequence[str], heights: Sequence[Sequence[float]], texts: Sequence[Sequence[str]], urls: Sequence[str]
) -> dict[str, Any]:
    """The figure: `heights` axis by axis (places from 0 to 1, those of the last axis colour), `texts` thing by thing
    with one text for each axis, `urls` where a click on a thing leads. Things of one colour are one trace.
    """
    bins: dict[int, list[int]] = {}
    for number, height in enumerate(heights[-1]):
        bins.setdefault(min(int(height * len(SCALE)), len(SCALE) - 1), []).append(number)
    data = []
    for place, numbers in sorted(bins.items()):
        x: list[str | None] = []
        y: list[float | None] = []
        text: list[str] = []
        where: list[str] = []
        for number in numbers:
            x += [*axes, None]
            y += [*(height[number] for height in heights), None]
            text += [*texts[number], ""]
            where += [urls[number]] * (len(axes) + 1)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": y,
                "text": text,
                "customdata": where,
                "line": {"color": SCALE[place], "width": 1.5},
                "opacity": 0.7,
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"type": "category", "showgrid": True},
        "yaxis": {"showticklabels": False, "zeroline": False, "title": "low to high"},
    }
    return {"data": data, "layout": layout}
