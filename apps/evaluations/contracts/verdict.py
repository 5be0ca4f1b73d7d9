"""The verdict of an evaluation in one sentence that counts people in a hundred and names both versions. Pure.

Built from the report and the problem's words alone, so that a page, a mail and the inbox say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING, ErrorWords, metric_get
from analysis.contracts.report import BETTER, NO_DIFFERENCE, WORSE, Difference, Estimate, Group, Report
from analysis.contracts.wording import number_text, significant_text
from apps.evaluations.contracts.numbers import interval_text, money_text, value_text
from apps.evaluations.contracts.words import PEOPLE, is_participle, people_of, verb_of, verb_third

ERRORS: Final = {BINARY: ("fnr", "fpr"), MULTICLASS: ("accuracy",)}
_FIRST: Final = {BINARY: "fnr", MULTICLASS: "accuracy"}
RANKED: Final = ("ndcg:10", "mrr")
"""What a verdict on a ranking may speak of."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How sentences about one evaluation speak.

    `candidate` and `baseline` name the versions ("version 3", "live version 2"; empty without one), `noun` what is
    counted ("people", "invoices"), `units` what money is counted for ("arrests"), `target` the column that a regression
    predicts: its errors are in the unit of that column.
    """

    candidate: str
    baseline: str = ""
    positive_word: str = ""
    negative_word: str = ""
    noun: str = PEOPLE
    units: str = "rows"
    currency: str = ""
    words: ErrorWords = field(default_factory=ErrorWords)
    target: str = ""

    @property
    def counted(self) -> str:
        """The head of a column of counts: "People", "Invoices"."""
        return _capital(self.noun)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence, what is got in return, and which group and metric it speaks of.

    `tone` is worse, better, none (no difference shown) or info (nothing to compare with).
    """

    tone: str
    sentence: str
    more: str
    metric: str
    group: str


def verdict_say(report: Report, speech: Speech, *, focus: Iterable[tuple[str, str]] = ()) -> Verdict:
    """The verdict of a report. `focus` names (metric, group key) pairs that gates refuse; they are told first."""
    metric, group = headline_pick(report, focus)
    tone = _tone(report, metric, group)
    sentence = rate_sentence(report, speech, metric, group)
    if tone == "none":
        sentence = f"{sentence}{_nobody_else(report)}"
    return Verdict(tone, sentence, _more(report, speech, metric, group), metric, group.key)


def headline_pick(report: Report, focus: Iterable[tuple[str, str]] = ()) -> tuple[str, Group]:
    """Which metric of which group the verdict speaks of.

    First proven harm that gates refuse, then other proven harm, then what gates refuse without proof (each: single
    groups before crossings, the largest first), then everyone's proven change, then the first error of everyone.
    """
    errors = _errors_of(report)
    refused = []
    for name, key in focus:
        group, metric = report.group(key), {"tpr": "fnr", "tnr": "fpr"}.get(name, name)
        if group is not None and metric in errors and _value(group, metric) is not None:
            refused.append((metric, group))
    harmed = [
        (metric, group)
        for group in report.groups
        for metric in errors
        if (difference := _difference(group, metric)) is not None and difference.verdict == WORSE and group.level
    ]
    proven = [
        (metric, group)
        for metric, group in refused
        if (difference := _difference(group, metric)) is not None and difference.verdict == WORSE
    ]
    for found in (proven, harmed, refused):
        if found:
            return min(found, key=lambda one: _place(*one))
    for wanted in (WORSE, BETTER):
        for metric in errors:
            difference = _difference(report.overall, metric)
            if difference is not None and difference.verdict == wanted:
                return metric, report.overall
    return _FIRST.get(report.task, errors[0]), report.overall


def _errors_of(report: Report) -> tuple[str, ...]:
    """The errors that a verdict may speak of."""
    if report.task in ERRORS:
        return ERRORS[report.task]
    wanted = RANKED if report.task == RANKING else ("mae", "rmse")
    return tuple(name for name in wanted if name in report.overall.metrics) or wanted[:1]


def _nobody_else(report: Report) -> str:
    """Behind a headline that proves nothing: what is true of all groups, so that it never denies what a table shows."""
    found = {
        difference.verdict
        for group in report.groups
        for metric in _errors_of(report)
        if (difference := _difference(group, metric)) is not None
    }
    if WORSE in found:
        return ""
    return f" No group is shown to be worse off{'' if BETTER in found else ' or better off'}."


def rate_sentence(report: Report, speech: Speech, metric: str, group: Group) -> str:
    """ "Version 3 would wrongly hold 36 of every 100 people aged 35 and over who were released; live version 2 holds
    19." Said without the second half when nothing is compared, and in the passive voice for words without a verb.
    """
    own, other = group.metrics.get(metric), (group.baseline or {}).get(metric)
    who = people_of(group, speech.noun)
    if own is None or own.value is None:
        reason = group.suppressed or group.thin or (own.undefined if own is not None else None)
        return f"Nothing can be said of {who}: {reason or 'the report holds no number'}."
    live = other.value if other is not None and speech.baseline else None
    if metric in ("fpr", "fnr"):
        return _error_sentence(speech, metric, who, own.value, live)
    if metric == "accuracy":
        return _wrong_sentence(speech, who, 1 - own.value, None if live is None else 1 - live)
    return _distance_sentence(speech, metric, who, own, other)


def _error_sentence(speech: Speech, metric: str, who: str, own: float, live: float | None) -> str:
    said, true = speech.positive_word, speech.negative_word
    if metric == "fnr":
        said, true = true, said
    first, second, base = per_hundred(own, live)
    name = _capital(speech.candidate)
    if not said or not true:
        word = speech.words.false_positive if metric == "fpr" else speech.words.false_negative
        head = f"With {speech.candidate}, {first} of every {base} {who} would be {word}"
        return f"{head}; with {speech.baseline}, {second} are." if second else f"{head}."
    clause = f"{'who' if speech.noun == PEOPLE else 'that'} were {true}"
    clause = clause if is_participle(true) else f"whose record says “{true}”"
    verb = verb_of(said)
    if verb is not None:
        head = f"{name} would wrongly {verb} {first} of every {base} {who} {clause}"
        return f"{head}; {speech.baseline} {verb_third(verb)} {second}." if second else f"{head}."
    if is_participle(said):
        head = f"With {speech.candidate}, {first} of every {base} {who} {clause} would be wrongly {said}"
        return f"{head}; with {speech.baseline}, {second} are." if second else f"{head}."
    head = f"{name} would wrongly say “{said}” of {first} in every {base} {who} {clause}"
    return f"{head}; {speech.baseline} says so of {second}." if second else f"{head}."


def _wrong_sentence(speech: Speech, who: str, own: float, live: float | None) -> str:
    first, second, base = per_hundred(own, live)
    head = f"{_capital(speech.candidate)} would be wrong about {first} of every {base} {who}"
    return f"{head}; {speech.baseline} is wrong about {second}." if second else f"{head}."


def _distance_sentence(speech: Speech, metric: str, who: str, own: Estimate, other: Estimate | None) -> str:
    if metric not in ("mae", "rmse"):
        named = metric_get(metric)
        head = f"{named.label} of {speech.candidate} for {who} is {value_text(named, own.value)}"
        if other is None or other.value is None or not speech.baseline:
            return f"{head}."
        return f"{head}; that of {speech.baseline} is {value_text(named, other.value)}."
    within = f" in “{speech.target}”" if speech.target else ""
    amount = significant_text(own.value or 0.0)
    head = f"{_capital(speech.candidate)} would be off by {amount}{within} on average for {who}"
    if other is None or other.value is None or not speech.baseline:
        return f"{head}."
    return f"{head}; {speech.baseline} is off by {significant_text(other.value)}."


def per_hundred(own: float, live: float | None) -> tuple[str, str, str]:
    """Two rates as counts of people: ("36", "19", "100"). Counts that would read the same though the rates differ get a
    decimal; both under one in a hundred are counted in a thousand. The second is empty without a rate.
    """
    rates = [own] if live is None else [own, live]
    base = 1000 if max(rates) < 0.0095 and max(rates) > 0 else 100
    texts = [number_text(base * rate, 0) for rate in rates]
    if live is not None and texts[0] == texts[1] and abs(own - live) >= 0.0005:
        texts = [number_text(base * rate, 1) for rate in rates]
    return texts[0], texts[1] if live is not None else "", number_text(base, 0)


def _more(report: Report, speech: Speech, metric: str, group: Group) -> str:
    """What is got in return, and the money: for everyone."""
    if not report.has_baseline:
        return "There is no other version on the same rows to compare it with."
    parts = []
    opposite = {"fnr": "fpr", "fpr": "fnr"}.get(metric)
    change = _difference(report.overall, opposite) if opposite else None
    if opposite and change is not None and change.verdict in (WORSE, BETTER):
        own, live = _value(report.overall, opposite), (report.overall.baseline or {})[opposite].value
        if own is not None:
            parts.append(_return_sentence(speech, opposite, own, live, better=change.verdict == BETTER))
    elif group.level and (overall := _difference(report.overall, metric)) is not None:
        if overall.verdict == NO_DIFFERENCE:
            parts.append("For everyone together there is no difference.")
        elif overall.verdict not in (WORSE, BETTER):
            parts.append("For everyone together a difference is not proven.")
    money = _difference(report.overall, "cost_per_100")
    if money is not None and money.value is not None:
        parts.append(money_sentence(money, speech))
    return " ".join(parts)


def _return_sentence(speech: Speech, metric: str, own: float, live: float | None, *, better: bool) -> str:
    """ "In return it would wrongly release 50 of every 100 who were held, instead of 57." """
    said, true = speech.positive_word, speech.negative_word
    if metric == "fnr":
        said, true = true, said
    first, second, base = per_hundred(own, live)
    lead, also = ("In return it", "") if better else ("It", "also ")
    clause = f"{'who' if speech.noun == PEOPLE else 'that'} were {true}" if is_participle(true) else ""
    tail = f"{first} of every {base}{' ' if clause else ''}{clause}, instead of {second}."
    if verb := verb_of(said):
        return f"{lead} would {also}wrongly {verb} {tail}"
    word = speech.words.false_positive if metric == "fpr" else speech.words.false_negative
    return f"{'In return' if better else 'Also'} {first} of every {base} would be {word}, instead of {second}."


def money_sentence(money: Difference, speech: Speech) -> str:
    """What errors cost more or less per 100: "A saving is not proven." unless it is."""
    value = money.value or 0.0
    metric = metric_get("cost_per_100")
    interval = interval_text(metric, money.low, money.high, change=True)
    amount = money_text(abs(value), speech.currency)
    if money.verdict == BETTER:
        return f"Errors cost {amount} less per 100 {speech.units} {interval}."
    if money.verdict == WORSE:
        return f"Errors cost {amount} more per 100 {speech.units} {interval}."
    return "A saving is not proven." if value < 0 else "Errors do not cost less."


def _tone(report: Report, metric: str, group: Group) -> str:
    difference = _difference(group, metric)
    if not report.has_baseline or difference is None:
        return "info"
    return {WORSE: "worse", BETTER: "better"}.get(difference.verdict, "none")


def _difference(group: Group, metric: str | None) -> Difference | None:
    if group.paired is None or metric is None:
        return None
    return group.paired.differences.get(metric)


def _value(group: Group, metric: str) -> float | None:
    estimate = group.metrics.get(metric)
    return None if estimate is None else estimate.value


def _place(metric: str, group: Group) -> tuple[bool, bool, float]:
    """Single groups before crossings, protected ones first, then the largest harm."""
    difference = _difference(group, metric)
    return group.level > 1, not group.protected, -_harm(metric, difference) if difference is not None else 0.0


def _harm(metric: str, difference: Difference) -> float:
    value = difference.value or 0.0
    return -value if metric_get(metric).higher_is_better else value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
