"""What behaviour tests and leakage say in sentences. Pure."""

from __future__ import annotations

from typing import Final

from analysis.contracts.findings import (
    BEHAVES,
    BY_CHANCE,
    FAILS,
    NO_OVERLAP,
    NOT_RUN,
    UNPROVEN,
    Behaviour,
    BehaviourFound,
    Leakage,
    Side,
)
from analysis.contracts.report import Estimate
from analysis.contracts.wording import number_text
from apps.evaluations.contracts.found import count_word, list_words
from apps.evaluations.contracts.verdict import Speech, Verdict

BEHAVIOUR_STATES: Final = {
    BEHAVES: ("PASS", "holds"),
    FAILS: ("FAIL", "fails"),
    UNPROVEN: ("NOT_PROVEN", "not proven"),
    NOT_RUN: ("NOT_EVALUATED", "not run"),
}
"""Code and word of a state, by a test's verdict."""


def share_text(share: Estimate) -> str:
    """ "84.1 % [82.5, 85.6]"; empty where there is none."""
    if share.value is None:
        return ""
    text = f"{_percent(share.value)} %"
    if share.low is None or share.high is None:
        return text
    return f"{text} [{_percent(share.low)}, {_percent(share.high)}]"


def _percent(value: float) -> str:
    return number_text(100 * value, 1)


def least_text(least_share: float) -> str:
    """ "every one must", "at least 95 % must"."""
    return "every one must" if least_share >= 1 else f"at least {100 * least_share:.4g} % must"


def side_sentence(side: Side, least_share: float, version: str) -> str:
    """How a version did: "holds: 99.8 % [99.5, 99.9] of 2,090 rows do as they must; at least 95 % must."."""
    if side.verdict == NOT_RUN:
        return f"not run: {(side.reason or 'it could not be').rstrip('.')}."
    if side.unread and side.verdict == BEHAVES and not side.failed:
        return f"holds: {version} does not read {list_words(side.unread)}, so a change of it alone changes no answer."
    rows = "row does as it" if side.tested == 1 else "rows do as they"
    tail = ", and the interval lies on both sides" if side.verdict == UNPROVEN else ""
    return (
        f"{side.verdict}: {share_text(side.share)} of {number_text(side.tested, 0)} {rows} must; "
        f"{least_text(least_share)}{tail}."
    )


def behaviour_verdict(found: Behaviour, speech: Speech) -> Verdict:
    """What fails, what is not proven or was not run, and whether that is new."""
    by = {verdict: [one for one in found.tests if one.candidate.verdict == verdict] for verdict in BEHAVIOUR_STATES}
    failing, open_ones = by[FAILS], [*by[UNPROVEN], *by[NOT_RUN]]
    name = f"{speech.candidate[:1].upper()}{speech.candidate[1:]}"
    total = len(found.tests)
    if failing:
        critical = sum(one.critical for one in failing)
        grave = ", which is critical" if critical == len(failing) == 1 else f", {critical} critical" if critical else ""
        names = list_words([f"“{one.name}”" for one in failing])
        sentence = f"{name} fails {_of(len(failing), total)}: {names}{grave}."
        return Verdict("worse", sentence, f"{_before(failing, speech)} {_open(by)}".strip(), "", "")
    if len(open_ones) == total:
        return Verdict("info", f"No behaviour test says anything of {speech.candidate}.", _open(by), "", "")
    if open_ones:
        return Verdict("none", f"{name} fails no behaviour test, but not every one is proven.", _open(by), "", "")
    what = "the behaviour test" if total == 1 else f"all {total} behaviour tests"
    return Verdict("better", f"{name} behaves as {what} {'asks' if total == 1 else 'ask'}.", "", "", "")


def _of(count: int, total: int) -> str:
    if total == 1:
        return "the behaviour test"
    return f"{count_word(count).lower()} of {count_word(total).lower()} behaviour tests"


def _before(failing: list[BehaviourFound], speech: Speech) -> str:
    if not speech.baseline:
        return ""
    fresh = [one for one in failing if one.baseline is not None and one.baseline.verdict == BEHAVES]
    old = [one for one in failing if one.baseline is not None and one.baseline.verdict == FAILS]
    if fresh and len(failing) == 1:
        return f"It held under {speech.baseline}."
    if fresh:
        return f"Under {speech.baseline} {list_words([f'“{one.name}”' for one in fresh])} held."
    if old and len(old) == len(failing):
        return f"{speech.baseline[:1].upper()}{speech.baseline[1:]} fails {'it' if len(old) == 1 else 'them'} too."
    return ""


def _open(by: dict[str, list[BehaviourFound]]) -> str:
    parts = []
    for verdict, word in ((UNPROVEN, "not proven either way"), (NOT_RUN, "not run")):
        count = len(by[verdict])
        if count:
            verb = "is" if verdict == UNPROVEN else "was"
            parts.append(f"{count_word(count)} {verb if count == 1 else {'is': 'are', 'was': 'were'}[verb]} {word}.")
    return " ".join(parts)


def leakage_sentence(found: Leakage) -> str:
    """Whether test rows were trained on, and what that does to the numbers."""
    test = number_text(found.test_rows, 0)
    if found.verdict == NO_OVERLAP:
        return f"None of the {test} test rows is equal to a training row in all that the model reads."
    shared = f"{number_text(found.shared, 0)} of {test} test rows ({share_text(found.share)})"
    equal = "are equal to a training row in all that the model reads"
    if found.verdict == BY_CHANCE:
        return (
            f"{shared} {equal}. That is no more than chance makes: "
            f"{share_text(found.repeated)} of the training rows repeat among themselves."
        )
    return (
        f"{shared} {equal}, more than the {share_text(found.repeated)} that repeat within training: "
        "rows seem to stand in both parts, so the numbers flatter the model."
    )
