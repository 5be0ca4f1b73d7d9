"""What several models say together, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.contracts.findings import Combination, CombinedFound, CombinedGroup, ShareFound
from analysis.contracts.metrics import PERCENT, Metric, metric_get
from analysis.contracts.report import Estimate
from analysis.contracts.wording import interval_text, money_text, number_text, significant_text, unit_text
from apps.evaluations.contracts.found import FALSE_SHARE, list_words
from apps.evaluations.contracts.verdict import Speech, Verdict

ADDS: Final = "better"
HARMS: Final = "worse"
CHANCE: Final = "not proven"
FEW: Final = "not enough data"


def share_verdict(share: ShareFound, group: CombinedGroup, metric: Metric) -> str:
    """Does a member add to the others, take away, or neither beyond chance; in a thin group nobody is judged."""
    value = share.leave_one_out.value
    if group.thin is not None or value is None:
        return FEW
    if share.p_adjusted is None or share.p_adjusted > FALSE_SHARE or value == 0:
        return CHANCE
    return ADDS if (value > 0) == bool(metric.higher_is_better) else HARMS


def together_verdict(found: Combination, rule: str, metric_name: str, names: Sequence[str], speech: Speech) -> Verdict:
    """What the others add to the first for everyone, and which of them adds nothing that can be told from chance."""
    everyone = found.groups[0]
    result = everyone.result(rule, metric_name)
    metric = metric_get(metric_name)
    if result is None or result.gain.value is None:
        why = everyone.barred or (result.gain.undefined if result is not None else None) or "no number was made"
        return Verdict("info", f"Nothing can be said of these versions together: {why}.", "", metric_name, everyone.key)
    others = list_words(list(names[1:]))
    gain, low, high = result.gain.value, result.gain.low, result.gain.high
    better = (gain > 0) == bool(metric.higher_is_better)
    proven = low is not None and high is not None and (low > 0 or high < 0)
    label = _label(metric)
    if everyone.thin is not None:
        sentence = f"There are too few rows to say whether {others} add{_s(names)} anything to {names[0]}."
        return Verdict("info", sentence, everyone.thin, metric_name, everyone.key)
    if not proven:
        sentence = (
            f"Adding {others} to {names[0]} changes {label} by {_signed(result.gain, metric, speech)}: "
            "that cannot be told from chance."
        )
        return Verdict("none", sentence, _each(result, everyone, metric, names), metric_name, everyone.key)
    verb = "raises" if gain > 0 else "lowers"
    sentence = f"Adding {others} to {names[0]} {verb} {label} by {_amount(result.gain, metric, speech)}"
    sentence += "." if better else ", which is worse."
    tone = "better" if better else "worse"
    return Verdict(tone, sentence, _each(result, everyone, metric, names), metric_name, everyone.key)


def _each(result: CombinedFound, group: CombinedGroup, metric: Metric, names: Sequence[str]) -> str:
    """Who adds something to all others, who takes away, and who does neither beyond chance."""
    by: dict[str, list[str]] = {}
    for name, share in zip(names, result.members, strict=True):
        by.setdefault(share_verdict(share, group, metric), []).append(name)
    parts = []
    for verdict, one, many in (
        (ADDS, "adds to the others", "each add to the others"),
        (HARMS, "makes the others worse", "each make the others worse"),
        (CHANCE, "adds nothing that can be told from chance", "each add nothing that can be told from chance"),
    ):
        held = by.get(verdict, [])
        if held:
            parts.append(f"{list_words(held)} {one if len(held) == 1 else many}")
    text = "; ".join(parts)
    return f"With all others there, {text}." if text else ""


def _s(names: Sequence[str]) -> str:
    return "s" if len(names) == 2 else ""


def _label(metric: Metric) -> str:
    return metric.label if metric.label[:2].isupper() else f"{metric.label[:1].lower()}{metric.label[1:]}"


def _amount(one: Estimate, metric: Metric, speech: Speech) -> str:
    """ "1.2 points [0.3, 2.1]", both ends in the direction that the sentence tells."""
    value, low, high = one.value or 0.0, one.low, one.high
    if value < 0:
        value, low, high = -value, None if high is None else -high, None if low is None else -low
    return f"{_number(value, metric, speech)} {interval_text(metric, low, high, change=True)}".strip()


def _signed(one: Estimate, metric: Metric, speech: Speech) -> str:
    value = one.value or 0.0
    sign = "−" if value < 0 else "+" if value > 0 else ""
    ends = interval_text(metric, one.low, one.high, change=True)
    return f"{sign}{_number(abs(value), metric, speech)} {ends}".strip()


def _number(value: float, metric: Metric, speech: Speech) -> str:
    if metric.name == "cost_per_100":
        return f"{money_text(value, speech.currency)}"
    if metric.unit == PERCENT:
        return f"{number_text(100 * value, 1)} points"
    unit = unit_text(metric, speech.currency, change=True)
    return f"{significant_text(value)}{f' {unit}' if unit else ''}"
