"""The words of an outcome: who, what, how far, against which limit."""

from typing import Final

from analysis.contracts.metrics import Metric
from analysis.contracts.wording import amount_text, change_text
from analysis.gates.rules import KIND_METRIC, Rule, Voice

_GAPS: Final = {
    "RANGE": "The gap in {metric}",
    "EQUAL_OPPORTUNITY": "The gap in recall (equal opportunity)",
    "EQUALIZED_ODDS": "The larger gap of recall and false alarms (equalized odds)",
    "PREDICTIVE_PARITY": "The gap in precision (predictive parity)",
    "RATIO": "The lowest {metric} as a share of the highest",
    "FOUR_FIFTHS": "The lowest {metric} as a share of the highest (four-fifths rule)",
}


def subject_text(rule: Rule, voice: Voice, who: str) -> str:
    """What the sentence is about: the metric and, for a group, whom."""
    label = voice.words.label(rule.metric)
    if rule.kind == KIND_METRIC:
        return f"{label} for {who}" if who else label
    lower = label if label.isupper() or label[:2].isupper() else label[:1].lower() + label[1:]
    text = _GAPS.get(rule.kind, "The gap in {metric}").format(metric=lower)
    return f"{text} between the groups of {who}" if who else text


def limit_text(rule: Rule, metric: Metric, voice: Voice, value: float) -> str:
    """A limit or value of the rule in its unit."""
    if rule.kind in ("RATIO", "FOUR_FIFTHS"):
        return f"{value:.2f}"
    if rule.kind != KIND_METRIC:
        return change_text(metric, value, currency=voice.currency)
    return amount_text(metric, value, currency=voice.currency)


def value_text(rule: Rule, metric: Metric, voice: Voice, value: float, low: float, high: float) -> str:
    """A value and its interval: "36.3 % (95 % interval 30.1 to 43.0)"."""
    if rule.kind in ("RATIO", "FOUR_FIFTHS"):
        ends = f"{low:.2f} to {high:.2f}"
    else:
        ends = f"{amount_text(metric, low, unit=False)} to {amount_text(metric, high, unit=False)}"
    return f"{limit_text(rule, metric, voice, value)} ({_interval(voice)} {ends})"


def move_text(metric: Metric, voice: Voice, value: float, low: float, high: float) -> str:
    """A change and its interval: "rises by 17.0 points (95 % interval 11.5 to 22.8) against live".

    A fall is told in positive numbers: the verb carries the sign.
    """
    verb = "rises by" if value >= 0 else "falls by"
    if value < 0:
        value, low, high = -value, -high, -low
    text = change_text(metric, value, currency=voice.currency)
    ends = f"{change_text(metric, low, unit=False)} to {change_text(metric, high, unit=False)}"
    if value == 0:
        verb, text = "does", "not change"
    return f"{verb} {text} ({_interval(voice)} {ends}) against {voice.live}"


def _interval(voice: Voice) -> str:
    return f"{100 * voice.level:g} % interval"
