"""Figures with their table twin, and the small drawings that need no library (plain SVG, no style attribute)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


def json_block(value: Any) -> SafeString:
    """A data block for an element of ours; inert, so a strict content policy allows it."""
    text = json.dumps(value, cls=DjangoJSONEncoder, separators=(",", ":")).translate(_ESCAPES)
    return mark_safe(f'<script type="application/json">{text}</script>')  # noqa: S308 - escaped above


def _rows_html(rows: Sequence[Sequence[Any]]) -> SafeString:
    """The table twin's rows, the first cell of each as its head; drawn here because a figure has hundreds."""
    drawn = []
    for head, *rest in rows:
        cells = "".join(f'<td class="n">{conditional_escape(cell)}</td>' for cell in rest)
        drawn.append(f'<tr><th scope="row">{conditional_escape(head)}</th>{cells}</tr>')
    return mark_safe("".join(drawn))  # noqa: S308 - every cell is escaped above


@register.inclusion_tag("components/figure.html")
def figure(
    figure: dict[str, Any],
    title: str,
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[Any]] = (),
    csv_url: str = "",
    caption: str = "",
    label: str = "",
    height: int = 280,
    identity: str = "",
    bare: bool = False,
) -> dict[str, Any]:
    """A chart in a card: `figure` is a plotly dict whose "$token" strings are resolved when drawn.

    `columns` and `rows` are the same numbers as a table, one key away; `bare` leaves the card out.
    """
    return {
        "data": json_block(figure),
        "title": title,
        "columns": columns,
        "rows": _rows_html(rows),
        "csv_url": csv_url,
        "caption": caption,
        "label": label or title,
        "height": figure.get("layout", {}).get("height", height),
        "identity": identity or f"fig-{zlib.crc32(title.encode()):08x}",
        "bare": bare,
    }


@register.simple_tag
def helped_harmed(harmed: int, helped: int, scale: int) -> SafeString:
    """Two bars that meet at zero; `scale` is the largest count of the table, so that rows compare."""
    unit = 48 / scale if scale else 0
    left, right = round(harmed * unit, 1), round(helped * unit, 1)
    return format_html(
        '<span class="fw-hh"><b>{}</b><svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="w" x="{}" y="1" width="{}" height="10"/><rect class="b" x="50" y="1" width="{}" height="10"/>'
        '<path d="M50 0v12"/></svg><b>{}</b></span>',
        harmed,
        round(50 - left, 1),
        left,
        right,
        helped,
    )


@register.simple_tag
def histogram(counts: Sequence[float] | None, label: str = "") -> SafeString:
    """A tiny histogram for a table cell."""
    values = [float(c) for c in counts or ()]
    if not values or max(values) <= 0:
        return format_html('<span class="fw-undefined">–</span>')
    top, step = max(values), 96 / len(values)
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{20 - v / top * 20:.1f}" width="{max(step - 1, 0.5):.1f}" '
        f'height="{v / top * 20:.1f}"/>'
        for i, v in enumerate(values)
    )
    return format_html(
        '<svg class="fw-hist" viewBox="0 0 96 20" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        label or f"{len(values)} bins",
        mark_safe(bars),  # noqa: S308 - numbers only
    )


@register.simple_tag
def share_bar(value: float | None, label: str = "") -> SafeString:
    """A share 0..1 as a thin bar."""
    share = min(max(float(value or 0), 0.0), 1.0)
    return format_html(
        '<svg class="fw-bars" viewBox="0 0 96 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect y="3" width="{}" height="6"/></svg>',
        label or f"{share:.0%}",
        f"{share * 96:.1f}",
    )


@register.simple_tag
def spark(values: Sequence[float] | None, label: str = "", top: float | None = None) -> SafeString:
    """A small line of recent values; `top` fixes the upper end of the scale."""
    points = [float(v) for v in values or ()]
    if len(points) < 2:
        return SafeString("")
    high = top or max(points) or 1.0
    step = 100 / (len(points) - 1)
    line = " ".join(f"{i * step:.1f},{30 - min(v / high, 1) * 28:.1f}" for i, v in enumerate(points))
    return format_html(
        '<svg class="fw-spark" viewBox="0 0 100 32" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="base" d="M0 2h100" vector-effect="non-scaling-stroke"/>'
        '<polyline points="{}" vector-effect="non-scaling-stroke"/></svg>',
        label,
        line,
    )
