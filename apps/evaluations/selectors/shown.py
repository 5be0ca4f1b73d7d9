"""The table of people harmed and helped as texts, for every page that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.contracts.metrics import Metric, metric_get
from analysis.contracts.report import NO_DIFFERENCE, OVERALL, Report
from analysis.contracts.wording import change_text
from apps.core import formats
from apps.evaluations.contracts.numbers import change_signed, interval_text, money_text, unit_text
from apps.evaluations.contracts.verdict import Speech
from apps.evaluations.selectors.reading import HarmGroup


def harm_shown(
    groups: list[HarmGroup],
    metric: Metric,
    speech: Speech,
    url_of: Callable[[str], str],
    *,
    margin: float | None = None,
) -> dict[str, Any]:
    """The context of `evaluations/_harm.html`; `url_of` leads from a group's key to its page. `margin`: the difference
    that does not matter, in the metric's stored unit; it is said beside "no difference".
    """
    money = metric_get("cost_per_100")
    shown = []
    for group in groups:
        rows = []
        for row in group.rows:
            change, cost = row.change, row.money
            told = change is not None and change.value is not None
            rows.append(
                {
                    "row": row,
                    "url": url_of(row.key) if row.n is not None else "",
                    "n": formats.num(row.n) if row.n is not None else "hidden",
                    "change": change_signed(metric, change.value) if told and change else "",
                    "interval": interval_text(metric, change.low, change.high, change=True) if told and change else "",
                    "money": change_signed(money, cost.value) if cost is not None else "",
                    "money_interval": interval_text(money, cost.low, cost.high, change=True) if cost else "",
                }
            )
        note = _margin_note(metric, speech, margin) if group.verdict == NO_DIFFERENCE and margin is not None else ""
        shown.append({"group": group, "rows": rows, "note": note})
    counts = [n for one in groups for row in one.rows for n in (row.harmed, row.helped) if n is not None]
    money_told = any(row.money for one in groups for row in one.rows)
    span = 2 + bool(counts) + 2 * money_told
    return {
        "harm_groups": shown,
        "harm_span": span,
        "harm_scale": max(counts, default=0),
        "harm_counts": bool(counts),
        "harm_label": speech.words.label(metric.name),
        "harm_unit": unit_text(metric, speech.currency, change=True),
        "harm_money": money_told,
    }


def _margin_note(metric: Metric, speech: Speech, margin: float) -> str:
    """Why a whole interval beside zero is still no difference."""
    size = change_text(metric, margin, currency=speech.currency)
    return f"within {size} of zero, which the problem calls too small to matter"


def kpis_of(report: Report, speech: Speech, key: str = OVERALL) -> list[dict[str, str]]:
    """Harmed, helped and money of one group."""
    group = report.group(key)
    if group is None:
        return []
    noun = "" if key == OVERALL else " here"
    items = []
    paired = group.paired
    if paired is not None and paired.only_baseline_right is not None and paired.only_candidate_right is not None:
        of = f"of {formats.num(group.n)}{noun}"
        items = [
            {
                "label": "Harmed",
                "value": formats.num(paired.only_baseline_right),
                "small": f"{of}: right before, wrong now",
                "tone": "worse",
            },
            {
                "label": "Helped",
                "value": formats.num(paired.only_candidate_right),
                "small": f"{of}: wrong before, right now",
                "tone": "better",
            },
        ]
    else:
        items.append({"label": speech.counted, "value": formats.num(group.n)})
    money = paired.differences.get("cost_per_100") if paired is not None else None
    if money is not None and money.value is not None:
        shown = interval_text(metric_get("cost_per_100"), money.low, money.high, change=True)
        items.append(
            {
                "label": f"Money per 100 {speech.units}",
                "value": money_text(money.value, speech.currency, sign=True),
                "small": shown,
            }
        )
    return items
