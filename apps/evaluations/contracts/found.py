"""What the findings beyond a report say in sentences: weak slices, flips, fairness criteria. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analysis.contracts.findings import (
    BROKEN,
    HOLDS,
    NOT_ENOUGH_DATA,
    NOT_PROVEN,
    WRONG,
    CriterionFound,
    Fairness,
    Flip,
    Flips,
    SliceFound,
    SlicesFound,
)
from analysis.contracts.report import OVERALL
from analysis.contracts.wording import number_text, significant_text
from apps.evaluations.contracts.verdict import Speech, Verdict, per_hundred
from apps.evaluations.contracts.words import PEOPLE

FALSE_SHARE: Final = 0.05
_NUMBERS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
_NAMED: Final = 3


def count_word(count: int) -> str:
    """ "Two", and figures from eleven on."""
    return _NUMBERS[count] if count < len(_NUMBERS) else number_text(count, 0)


def list_words(labels: Sequence[str]) -> str:
    """ "a, b and c"; from the fourth on counted: "a, b and 3 more"."""
    if len(labels) > _NAMED:
        return f"{labels[0]}, {labels[1]} and {len(labels) - 2} more"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}" if labels else ""


def slices_verdict(found: SlicesFound, speech: Speech) -> Verdict:
    """How many groups that nobody named do worse, and which one costs most."""
    fresh = [one for one in found.slices if one.named is None]
    known = len(found.slices) - len(fresh)
    if found.reason is not None:
        return Verdict("info", f"Groups that nobody named could not be searched: {found.reason}.", "", "", "")
    if not fresh:
        looked = f"{number_text(found.looked_at, 0)} groups made of {list_words(found.columns)} were looked at."
        more = f" {_known(known)}" if known else ""
        return Verdict("none", "No group that nobody named is shown to do worse.", f"{looked}{more}", "", "")
    verb = "does" if len(fresh) == 1 else "do"
    noun = "group" if len(fresh) == 1 else "groups"
    head = f"{count_word(len(fresh))} {noun} that nobody named {verb} clearly worse."
    more = f"Most of the harm is in “{fresh[0].label}”: {slice_sentence(fresh[0], found, speech)}"
    return Verdict("worse", head, f"{more} {_known(known)}" if known else more, "", "")


def _known(count: int) -> str:
    return f"{count_word(count)} more {'is a group' if count == 1 else 'are groups'} of your segments already."


def slice_sentence(one: SliceFound, found: SlicesFound, speech: Speech) -> str:
    """ "version 3 is wrong about 41 of every 100 people there, and about 22 elsewhere." """
    if found.loss == WRONG:
        inside, outside, base = per_hundred(one.loss, one.rest_loss)
        return (
            f"{speech.candidate} is wrong about {inside} of every {base} {speech.noun} there, and {outside} elsewhere."
        )
    inside, outside = significant_text(one.loss), significant_text(one.rest_loss)
    return f"{speech.candidate} is off by {inside} on average there, and by {outside} elsewhere."


def flip_verdict(one: Flip) -> str:
    """worse, better or not proven after correction; the word for a group that is hidden or thin otherwise."""
    if one.barred is not None:
        return "suppressed"
    if one.thin is not None:
        return NOT_ENOUGH_DATA
    if one.p_adjusted is None or one.difference.value is None or one.p_adjusted > FALSE_SHARE:
        return NOT_PROVEN
    return "worse" if one.difference.value < 0 else "better"


def flips_verdict(flips: Flips, speech: Speech) -> Verdict:
    """For whom more right answers became wrong than wrong ones right."""
    everyone = flips.group(OVERALL)
    worse = [one for one in flips.groups if flip_verdict(one) == "worse"]
    named = [f"“{one.label}”" for one in worse if one.key != OVERALL]
    name = f"{speech.candidate[:1].upper()}{speech.candidate[1:]}"
    if everyone is None or everyone.negative is None or everyone.positive is None:
        return Verdict("info", "Nothing can be said of rows that flipped.", "", "", "")
    counts = (
        f"Of {number_text(everyone.n or 0, 0)} {speech.noun} it has {number_text(everyone.negative, 0)} wrong "
        f"{'whom' if speech.noun == PEOPLE else 'that'} {speech.baseline} had right; "
        f"{number_text(everyone.positive, 0)} the other way round."
    )
    if named:
        return Verdict("worse", f"{name} spoils more answers than it mends for {list_words(named)}.", counts, "", "")
    if worse:
        return Verdict("worse", f"{name} spoils more answers than it mends.", counts, "", "")
    if not everyone.negative:
        return Verdict("better", f"{name} spoils no answer that {speech.baseline} had right.", counts, "", "")
    return Verdict("none", f"{name} is not shown to spoil more answers than it mends in any group.", counts, "", "")


STATE_WORDS: Final = {
    HOLDS: ("PASS", "passing"),
    BROKEN: ("FAIL", "failing"),
    NOT_PROVEN: ("NOT_PROVEN", "not proven"),
    NOT_ENOUGH_DATA: ("NOT_ENOUGH_DATA", "not enough data"),
    None: ("NONE", "no limit stated"),
}
"""Code and word of a state, by what the criterion's holding is."""


def fairness_verdict(entries: Sequence[Fairness]) -> Verdict:
    """What fails, what is not proven, and whether anything was asked."""
    judged = [(entry, one) for entry in entries for one in entry.criteria if one.holding is not None]
    failing = [(entry, one) for entry, one in judged if one.holding == BROKEN]
    unproven = [(entry, one) for entry, one in judged if one.holding == NOT_PROVEN]
    if not entries:
        return Verdict("info", "There is no segment, so there are no groups to be fair between.", "", "", "")
    if failing:
        names = list_words(
            list(dict.fromkeys(f"{one.name.lower()} between the groups of {entry.segment}" for entry, one in failing))
        )
        counts = f"{count_word(len(failing))} of {count_word(len(judged)).lower()}"
        sentence = f"{counts} criteria with a limit fail{_s(len(failing))}: {names}."
        return Verdict("worse", sentence, _unproven(len(unproven)), "", "")
    if unproven:
        return Verdict("none", f"No criterion with a limit fails. {_unproven(len(unproven))}", "", "", "")
    if any(one.holding == HOLDS for _, one in judged):
        return Verdict("better", "Every criterion with a limit and enough data passes.", "", "", "")
    return Verdict("info", "No criterion can be judged: none has both a limit and enough data.", "", "", "")


def _s(count: int) -> str:
    return "s" if count == 1 else ""


def _unproven(count: int) -> str:
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{count_word(count)} {verb} not proven either way: with more rows the interval would fall on one side."


_SAID: Final = {
    "DEMOGRAPHIC_PARITY": "get the answer “{positive}”",
    "FOUR_FIFTHS": "get the answer “{positive}”",
    "EQUAL_OPPORTUNITY": "whose record says “{positive}” get that answer",
    "PREDICTIVE_PARITY": "who get the answer “{positive}” have it in their record too",
}


def meaning_of(one: CriterionFound, speech: Speech) -> str:
    """What the number means for the two groups that lie furthest apart; empty where there are none."""
    low, high = _value(one, one.lowest), _value(one, one.highest)
    if one.lowest is None or one.highest is None or low is None or high is None:
        return ""
    people, positive = speech.noun, speech.positive_word or one.of or one.worst_class or "positive"
    said = _SAID.get(one.criterion)
    if said is not None:
        first, second, base = per_hundred(low, high)
        clause = said.format(positive=positive)
        return f"“{one.lowest}”: {first} of every {base} {people} {clause}. “{one.highest}”: {second} of every {base}."
    if one.criterion == "EQUALIZED_ODDS":
        return f"Mistakes fall most unequally on “{one.lowest}” and “{one.highest}”."
    if one.criterion == "CALIBRATION":
        return f"Scores are least to be taken at their word for “{one.highest}”: off by {_points(high)} on average."
    if one.criterion == "COST_PARITY":
        amounts = [f"{speech.currency} {number_text(value, 0)}".strip() for value in (low, high)]
        return f"Errors cost {amounts[0]} per 100 {people} of “{one.lowest}”, {amounts[1]} of “{one.highest}”."
    amounts = [significant_text(low), significant_text(high)]
    return f"On average {amounts[0]} for “{one.lowest}”, {amounts[1]} for “{one.highest}”."


def _points(share: float) -> str:
    return f"{number_text(100 * share, 1)} points"


def _value(one: CriterionFound, label: str | None) -> float | None:
    return next((group.estimate.value for group in one.groups if group.label == label), None)
