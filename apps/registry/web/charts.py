"""The figure of what a model looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.core import formats

MOST = 20


@dataclass(frozen=True, slots=True)
class Importance:
    """The bars, their title and the same numbers as rows."""

    title: str
    figure: dict[str, Any]
    rows: list[list[str]]
    caption: str
    columns: tuple[str, str] = ("Column", "Loss rises by")


def importance_chart(importance: list[dict[str, Any]]) -> Importance | None:
    """How much worse the model gets when one column is shuffled, the most important first; None without any."""
    rows = [(str(one.get("feature", "")), _number(one.get("value"))) for one in importance if isinstance(one, dict)]
    known = sorted(((name, value) for name, value in rows if value is not None), key=lambda row: -row[1])
    if not known:
        return None
    shown = known[:MOST]
    names = [name for name, _ in reversed(shown)]
    values = [value for _, value in reversed(shown)]
    figure = {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": values,
                "y": names,
                "marker": {"color": "$candidate"},
                "hovertemplate": "%{y}: <b>%{x:.4f}</b><extra></extra>",
            }
        ],
        "layout": {
            "height": 26 * len(shown) + 64,
            "xaxis": {"title": "how much the loss rises when the column is shuffled", "zeroline": True},
            "yaxis": {"type": "category", "gridcolor": "rgba(0,0,0,0)"},
            "bargap": 0.45,
        },
    }
    first, value = known[0]
    title = f"“{first}” matters most" if value > 0 else "No column matters by itself"
    left_out = f" The {len(known) - MOST} least important are in the table only." if len(known) > MOST else ""
    table = [[name, formats.num(amount)] for name, amount in known]
    return Importance(title, figure, table, f"Permutation importance on validation rows.{left_out}")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value == value else None
