"""Figures of the storage page; plain dicts, drawn by `<plot-figure>`."""

from __future__ import annotations

from typing import Any

from apps.core import formats
from apps.core.blob_references import WeekRow


def growth_figure(weeks: list[WeekRow]) -> dict[str, Any]:
    """Bytes first stored per week, in the unit that fits the largest."""
    largest = max((row.bytes for row in weeks), default=0)
    power = next((p for p in (3, 2, 1) if largest >= 1024**p), 0)
    unit = ("B", "KiB", "MiB", "GiB")[power]
    return {
        "data": [
            {
                "type": "bar",
                "x": [row.week.date().isoformat() for row in weeks],
                "y": [row.bytes / 1024**power for row in weeks],
                "marker": {"color": "$live"},
                "hovertemplate": f"week of %{{x}}<br>%{{y:.3g}} {unit}<extra></extra>",
            }
        ],
        "layout": {
            "height": 220,
            "bargap": 0.3,
            "yaxis": {"title": {"text": f"{unit} per week"}, "rangemode": "tozero"},
            "xaxis": {"type": "category"},
        },
    }


def growth_rows(weeks: list[WeekRow]) -> list[list[str]]:
    """The same numbers as a table."""
    return [[f"{row.week:%-d %b %Y}", formats.num(row.files), formats.size(row.bytes)] for row in weeks]


def growth_title(weeks: list[WeekRow]) -> str:
    """The finding in one sentence."""
    if not any(row.bytes for row in weeks):
        return "Nothing was stored in the last eight weeks"
    return f"{formats.size(weeks[-1].bytes)} came this week, {formats.size(sum(r.bytes for r in weeks))} in eight weeks"
