"""The forest: each mark on the line of its table row, with its interval, the zero line and the limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from analysis.contracts.metrics import PERCENT, Metric
from analysis.contracts.report import BETTER, WORSE
from apps.core import formats
from apps.evaluations.contracts.numbers import change_signed, unit_text
from apps.evaluations.web.rows import ForestRow

ROW: Final = 32
TOP: Final = 32
BOTTOM: Final = 36
ZERO_ROOM: Final = 0.35
"""Of the longer side: what the words "same as live" take in the narrowest figure."""
_LOOKS: Final = {
    WORSE: ("$worse-fill", "triangle-down"),
    BETTER: ("$better-fill", "triangle-up"),
    "": ("$candidate", "circle"),
}


def forest_figure(
    rows: Sequence[ForestRow], metric: Metric, *, compared: str, currency: str = "", limit: float | None = None
) -> dict[str, Any]:
    """The figure beside the forest's table. `compared` names what zero is ("live"); `limit` is a margin in the
    metric's stored unit. Without a comparison the marks are the values themselves.
    """
    scale = 100 if metric.unit == PERCENT else 1
    changes = any(row.change != formats.UNDEFINED for row in rows)
    data = []
    for look in sorted({_look(row) for row in rows if row.shown}, reverse=True):
        data.append(_marks([(i, row) for i, row in enumerate(rows) if row.shown and _look(row) == look], look, scale))
    height = ROW * len(rows) + TOP + BOTTOM
    bound = None if limit is None or not changes else scale * limit * (-1 if metric.higher_is_better else 1)
    low, high = _range(rows, scale, bound, zero=changes)
    title = _title(metric, currency, compared, changes)
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 16, "t": TOP, "b": BOTTOM},
        "xaxis": {"range": [low, high], "zeroline": False, "nticks": 6, "automargin": False, "title": {"text": title}},
        "yaxis": {"range": [len(rows) - 0.5, -0.5], "visible": False, "automargin": False, "fixedrange": True},
        "shapes": [*_cuts(rows), *(_line(0, len(rows), "$text-3", None) if changes else [])],
        "annotations": _words(rows, low, high),
    }
    if bound is not None:
        layout["shapes"] += _line(bound, len(rows), "$bad", "dot")
        layout["annotations"].append(
            _head(bound, f"limit {change_signed(metric, bound / scale)}", "$bad", "left" if bound > 0 else "right")
        )
    if changes:
        side = "right" if bound is None or bound > 0 else "left"
        layout["annotations"].append(_head(0, "same as live" if compared == "live" else "no change", "$text-3", side))
    names = {"tickvals": list(range(len(rows))), "ticktext": [_short(row.label) for row in rows]}
    small = {
        "margin": {"l": 112, "r": 10, "t": TOP, "b": BOTTOM},
        "yaxis": {"visible": True, "showgrid": False, "tickfont": {"size": 11, "color": "$text-2"}, **names},
    }
    return {"data": data, "layout": layout, "small": small}


def _look(row: ForestRow) -> str:
    if row.verdict in (WORSE, BETTER):
        return row.verdict
    return "same" if row.verdict else ""


def _marks(rows: list[tuple[int, ForestRow]], look: str, scale: int) -> dict[str, Any]:
    colour, symbol = _LOOKS.get(look, ("$same", "circle"))
    shown = [row.shown for _, row in rows if row.shown]
    values = [scale * value for value, _, _ in shown]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": values,
        "y": [index for index, _ in rows],
        "marker": {"color": colour, "size": 9, "symbol": symbol},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [scale * (value if high is None else high) - scale * value for value, _, high in shown],
            "arrayminus": [scale * value - scale * (value if low is None else low) for value, low, _ in shown],
            "color": colour,
            "thickness": 1.75,
            "width": 0,
        },
        "text": [
            f"{row.label}, n = {row.n}<br>{row.change if row.change != formats.UNDEFINED else row.own} {row.interval}"
            for _, row in rows
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _range(rows: Sequence[ForestRow], scale: int, bound: float | None, *, zero: bool) -> tuple[float, float]:
    ends = [0.0] if zero else []
    ends += [bound] if bound is not None else []
    for row in rows:
        if row.shown:
            ends += [scale * end for end in row.shown if end is not None]
    if not ends:
        return -1.0, 1.0
    room = (max(ends) - min(ends)) * 0.08 or 1.0
    low, high = min(ends) - room, max(ends) + room
    if not zero:
        return low, high
    # The words at the zero line stand on the side that the limit leaves free, and are not cut off there.
    if bound is None or bound > 0:
        return min(low, -ZERO_ROOM * high), high
    return low, max(high, -ZERO_ROOM * low)


def _title(metric: Metric, currency: str, compared: str, changes: bool) -> str:
    if not changes:
        return unit_text(metric, currency) or metric.label
    unit = unit_text(metric, currency, change=True) or "change"  # the chart's title names the metric
    side = {True: ", right is better", False: ", left is better"}.get(metric.higher_is_better, "")  # type: ignore[arg-type]
    return f"{unit} against {compared}{side}"


def _line(at: float, count: int, colour: str, dash: str | None) -> list[dict[str, Any]]:
    line = {"color": colour, "width": 1} | ({"dash": dash} if dash else {})
    return [{"type": "line", "x0": at, "x1": at, "y0": -0.5, "y1": count - 0.5, "line": line}]


def _cuts(rows: Sequence[ForestRow]) -> list[dict[str, Any]]:
    line = {"color": "$line-2", "width": 1}
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": i + 0.5, "y1": i + 0.5, "line": line}
        for i, row in enumerate(rows)
        if row.cut
    ]


def _words(rows: Sequence[ForestRow], low: float, high: float) -> list[dict[str, Any]]:
    """Where nothing can be drawn, the reason stands on the line."""
    return [
        {
            "x": low + (high - low) / 2,
            "y": index,
            "text": "hidden" if row.state == "suppressed" else f"not enough data (n = {row.n})",
            "showarrow": False,
            "font": {"size": 11, "color": "$text-3"},
        }
        for index, row in enumerate(rows)
        if not row.shown
    ]


def _head(at: float, text: str, colour: str, side: str) -> dict[str, Any]:
    return {
        "x": at,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 4,
        "xanchor": side,
        "text": text,
        "showarrow": False,
        "font": {"size": 11, "color": colour},
    }


def _short(label: str) -> str:
    return label if len(label) <= 18 else f"{label[:17]}…"
