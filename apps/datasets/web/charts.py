"""Figures of a profile: plain dicts; colours are names of the design's tokens."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from apps.core import formats

SHOWN_VALUES = 20


@dataclass(frozen=True, slots=True)
class ColumnFigure:
    """A chart of one column and the same numbers as a table."""

    title: str
    figure: dict[str, Any]
    columns: list[str]
    rows: list[list[str]]
    caption: str


def spark_counts(column: dict[str, Any]) -> list[int]:
    """Counts for the small drawing in the table of columns."""
    histogram = column.get("histogram") or {}
    if histogram.get("counts"):
        return list(histogram["counts"])
    return [int(count) for _, count in (column.get("top") or [])[:24]]


def values_text(column: dict[str, Any], row_count: int) -> str:
    """The values of a column in a few words: "12 to 66, median 21" or "Yes 82.9 %, No 17.1 %"."""
    low, high = column.get("min"), column.get("max")
    if low is not None and high is not None and column.get("type") not in ("STRING", "BOOLEAN"):
        median = (column.get("quantiles") or {}).get("0.5")
        tail = f", median {_shown(median)}" if median is not None else ""
        return f"{_shown(low)} to {_shown(high)}{tail}"
    top = column.get("top") or []
    present = row_count - int(column.get("missing") or 0)
    if not top or present <= 0:
        return "no value" if present <= 0 else ""
    words = [f"{_cut(value)} {100 * count / present:.1f} %" for value, count in top[:2]]
    rest = int(column.get("distinct") or 0) - len(words)
    return ", ".join(words) + (f" and {formats.num(rest)} more" if rest > 0 else "")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < 10_000:
        return str(int(value)).replace("-", formats.MINUS)  # a year is not grouped
    return formats.num(value)


def _cut(value: Any, most: int = 24) -> str:
    text = "(empty)" if value == "" else str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def column_figure(column: dict[str, Any], row_count: int) -> ColumnFigure | None:
    """The distribution of a column: a histogram for numbers, bars for the most frequent values; None without values."""
    histogram = column.get("histogram") or {}
    missing = int(column.get("missing") or 0)
    note = f"{formats.num(missing)} of {formats.num(row_count)} rows have no value." if missing else ""
    if histogram.get("counts"):
        return _histogram(column, histogram, row_count, note)
    top = (column.get("top") or [])[:SHOWN_VALUES]
    if not top:
        return None
    return _bars(column, top, row_count - missing, note)


def _histogram(column: dict[str, Any], histogram: dict[str, Any], row_count: int, note: str) -> ColumnFigure:
    edges, counts = histogram["edges"], histogram["counts"]
    middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
    widths = [b - a for a, b in itertools.pairwise(edges)]
    spans = [f"{_shown(a)} to {_shown(b)}" for a, b in itertools.pairwise(edges)]
    name = str(column["name"])
    figure: dict[str, Any] = {
        "data": [
            {
                "type": "bar",
                "x": middles,
                "y": counts,
                "width": widths,
                "customdata": spans,
                "marker": {"color": "$cloud", "line": {"width": 0.5, "color": "$surface"}},
                "hovertemplate": "%{customdata}<br>%{y} rows<extra></extra>",
            }
        ],
        "layout": {
            "bargap": 0,
            "xaxis": {"title": {"text": name}},
            "yaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
        },
    }
    median = (column.get("quantiles") or {}).get("0.5")
    if isinstance(median, int | float):
        figure["layout"]["shapes"] = [
            {
                "type": "line",
                "x0": median,
                "x1": median,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": "$text-3", "width": 1, "dash": "dot"},
            }
        ]
        figure["layout"]["annotations"] = [
            {
                "x": median,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "text": f"median {_shown(median)}",
                "showarrow": False,
                "font": {"color": "$text-3"},
            }
        ]
        figure["layout"]["margin"] = {"t": 28}
    rows = [[span, formats.num(count), _share(count, row_count)] for span, count in zip(spans, counts, strict=False)]
    title = f"{name}: {values_text(column, row_count)}"
    return ColumnFigure(title, figure, ["From, to", "Rows", "Share"], rows, note)


def _bars(column: dict[str, Any], top: list[Any], present: int, note: str) -> ColumnFigure:
    labels = [_cut(value, 40) for value, _ in top]
    counts = [int(count) for _, count in top]
    name = str(column["name"])
    figure = {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": labels[::-1],
                "x": counts[::-1],
                "marker": {"color": "$cloud"},
                "hovertemplate": "%{y}<br>%{x} rows<extra></extra>",
            }
        ],
        "layout": {
            "height": max(120, 28 * len(labels) + 60),
            "margin": {"l": 160},
            "xaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
            "yaxis": {"type": "category", "automargin": True},
        },
    }
    distinct = int(column.get("distinct") or len(top))
    more = distinct - len(top)
    caption = " ".join(filter(None, [f"{formats.num(more)} further values are not shown." if more > 0 else "", note]))
    rows = [[label, formats.num(n), _share(n, present)] for label, n in zip(labels, counts, strict=True)]
    return ColumnFigure(f"{name}: {values_text(column, present)}", figure, ["Value", "Rows", "Share"], rows, caption)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "–"
