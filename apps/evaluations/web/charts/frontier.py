"""The frontier of quality against disparity: every setting that no other beats in both, today's, and the one chosen."""

from __future__ import annotations

from typing import Any

from analysis.contracts.criteria import FOUR_FIFTHS
from analysis.contracts.metrics import PERCENT, metric_get
from analysis.mitigation import Setting, WhatIf
from apps.evaluations.contracts.numbers import interval_text, unit_text, value_text
from apps.evaluations.contracts.verdict import Speech
from apps.evaluations.web.charts.curves import Chart


def frontier_chart(found: WhatIf, asked: str, speech: Speech) -> Chart | None:
    """None when there is no setting to draw."""
    if not found.frontier:
        return None
    metric = metric_get(found.quality)
    scale = 100 if metric.unit == PERCENT else 1
    unit = unit_text(metric, speech.currency)
    ratio = found.constraint == FOUR_FIFTHS
    across = "Lowest rate, % of the highest" if ratio else f"{asked}: largest difference, points"
    up = f"{metric.label}{f', {unit}' if unit else ''}"
    traces = [_trace("Best of its kind", found.frontier, "$candidate", scale, 7, lines=True)]
    traces.append(_trace("Today", (found.today,), "$live", scale, 11))
    if found.chosen is not None:
        traces.append(_trace("Best within the limit", (found.chosen,), "$candidate", scale, 13, symbol="diamond"))
    limit = 100 * found.limit
    line = {"color": "$text-3", "width": 1, "dash": "dot"}
    layout = {
        "xaxis": {"title": {"text": across}},
        "yaxis": {"title": {"text": up}},
        "shapes": [{"type": "line", "x0": limit, "x1": limit, "yref": "paper", "y0": 0, "y1": 1, "line": line}],
        "showlegend": True,
        "margin": {"t": 28},
    }
    rows = [
        [_thresholds(one), *_pair(one.disparity.value, one.disparity.low, one.disparity.high), *_quality(one, found)]
        for one in found.frontier
    ]
    title = f"{metric.label} that is possible at each disparity"
    columns = ["Threshold", across, "Interval", up, "Interval"]
    caption = "Each point is a setting of thresholds that no other beats in both. The dotted line is the limit."
    return Chart("frontier", title, {"data": traces, "layout": layout}, columns, rows, caption)


def _trace(
    name: str,
    settings: tuple[Setting, ...],
    colour: str,
    scale: int,
    size: int,
    *,
    lines: bool = False,
    symbol: str = "circle",
) -> dict[str, Any]:
    known = [one for one in settings if one.disparity.value is not None and one.quality.value is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers" if lines else "markers",
        "name": name,
        "x": [100 * (one.disparity.value or 0.0) for one in known],
        "y": [scale * (one.quality.value or 0.0) for one in known],
        "text": [_thresholds(one) for one in known],
        "line": {"color": colour, "width": 1.5, "shape": "hv"},
        "marker": {"color": colour, "size": size, "symbol": symbol},
        "hovertemplate": f"{name}, threshold %{{text}}<br>%{{x:.1f}}, %{{y:.3~f}}<extra></extra>",
    }


def _thresholds(one: Setting) -> str:
    """ "0.500", or each group's: "A 0.500, B 0.430"."""
    values = {group.threshold for group in one.groups}
    if len(values) == 1:
        return f"{values.pop():.3f}"
    return ", ".join(f"{group.label} {group.threshold:.3f}" for group in one.groups)


def _pair(value: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    ends = "" if low is None or high is None else f"[{100 * low:.1f}, {100 * high:.1f}]"
    return ("–" if value is None else f"{100 * value:.1f}"), ends


def _quality(one: Setting, found: WhatIf) -> tuple[str, str]:
    metric = metric_get(found.quality)
    return value_text(metric, one.quality.value), interval_text(metric, one.quality.low, one.quality.high)
