"""The tab "Behaviour": the problem's behaviour tests on this version, what was changed, and what was answered then."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from analysis.contracts.behaviour import LEAST_FUNCTION
from analysis.contracts.findings import BEHAVIOUR_VERDICTS, BehaviourFound, Pair, Side
from analysis.contracts.wording import number_text, significant_text
from apps.core import formats
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts import Speech
from apps.evaluations.contracts.behaved import (
    BEHAVIOUR_STATES,
    behaviour_verdict,
    side_sentence,
)
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.frame import BEHAVIOUR, tab_context
from apps.evaluations.web.listing import Heading, csv_lines, listing_make
from apps.problems import policies as problem_policies

CSV_HEAD: Final = (
    "test",
    "version",
    "kind",
    "critical",
    "rows_where",
    "change",
    "must",
    "least_share",
    "verdict",
    "share",
    "low",
    "high",
    "rows",
    "failed",
    "unchanged",
    "baseline_verdict",
    "baseline_share",
    "reason",
)


def _place(one: BehaviourFound) -> tuple[int, bool, float]:
    """What fails first, critical ones before the others."""
    share = one.candidate.share.value
    return BEHAVIOUR_VERDICTS.index(one.candidate.verdict), not one.critical, 1.0 if share is None else share


HEADS: Final[tuple[Heading[BehaviourFound], ...]] = (
    Heading("finding", "Finding", _place),
    Heading("test", "Test", lambda one: one.name),
    Heading("share", "Do so, %", lambda one: one.candidate.share.value, "n", "Of 100 tested rows, how many do so."),
    Heading("interval", "Interval", None, "ci"),
    Heading("least", "Must, %", lambda one: one.least_share, "n"),
    Heading("rows", "Rows", lambda one: one.candidate.tested or None, "n"),
    Heading("before", "Before", None),
)


@dataclass(frozen=True, slots=True)
class TestRow:
    """A test as the page shows it; `pairs` are texts of the examples."""

    one: BehaviourFound
    code: str
    word: str
    sentence: str
    must: str
    share: str
    interval: str
    least: str
    before_code: str
    before_word: str
    before: str
    pairs: list[dict[str, Any]]
    rows: str
    open: bool


@page
@require_GET
def evaluation_behaviour(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Verdict, the table of tests, and each test with its examples."""
    actor = request.actor  # type: ignore[attr-defined]
    evaluation = selectors.evaluation_get(actor, pk)
    context, report, speech = tab_context(request, evaluation, BEHAVIOUR)
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.behaviour is None:
        wanted = {"wanted": "Behaviour tests", "why": "It was made before behaviour tests were run.", "again": True}
        return render(request, "evaluations/findings_none.html", context | wanted)
    found = findings.behaviour
    listing = listing_make(
        request, found.tests, HEADS, words=lambda one: f"{one.name} {one.why} {one.kind}", default="finding"
    )
    context |= {
        "found": found,
        "verdict": behaviour_verdict(found, speech) if found.tests else None,
        "listing": listing,
        "rows": [_row(one, speech) for one in listing.rows],
        "may_write": problem_policies.behaviour_may_edit(actor, evaluation.problem),
        "version_id": str(evaluation.model_version_id),
        "unasked": selectors.behaviour_unasked(evaluation),
        "level": round(100 * report.level),
    }
    return render(request, "evaluations/behaviour.html", context)


def _row(one: BehaviourFound, speech: Speech) -> TestRow:
    side, before = one.candidate, one.baseline
    code, word = BEHAVIOUR_STATES[side.verdict]
    before_code, before_word = BEHAVIOUR_STATES[before.verdict] if before is not None else ("", "")
    return TestRow(
        one=one,
        code=code,
        word=word,
        sentence=_sentence(side, one, speech.candidate),
        must=_must(one),
        share=_percent(side.share.value),
        interval=_ends(side),
        least=f"{100 * one.least_share:.4g}",
        before_code=before_code,
        before_word=before_word,
        before=_sentence(before, one, speech.baseline) if before is not None else "",
        pairs=[_pair(pair, one, speech) for pair in one.pairs],
        rows=_rows(one),
        open=code == "FAIL",
    )


def _sentence(side: Side, one: BehaviourFound, version: str) -> str:
    said = side_sentence(side, one.least_share, version)
    return f"{said[:1].upper()}{said[1:]}"


def _must(one: BehaviourFound) -> str:
    """ "With checks + 1, every row must get no higher score"."""
    if not one.expected:
        return ""
    share = "every row" if one.least_share >= 1 else f"at least {100 * one.least_share:.4g} % of the rows"
    change = f"With {' and '.join(one.change)}, " if one.change else ""
    said = f"{change}{share} must {one.expected}."
    return said[:1].upper() + said[1:]


def _rows(one: BehaviourFound) -> str:
    """Which rows and how many, also those that were left out of a sample."""
    where = f" where {one.where}" if one.where else ""
    parts = [f"{formats.num(one.chosen)} {'row' if one.chosen == 1 else 'rows'}{where}"]
    tested = one.candidate.tested + one.candidate.unchanged
    if 0 < tested < one.chosen:
        parts.append(f"of which {formats.num(tested)} were drawn by lot, always the same ones")
    if one.candidate.unchanged:
        parts.append(f"{formats.num(one.candidate.unchanged)} are not altered by the change and not counted")
    return "; ".join(parts)


def _percent(share: float | None) -> str:
    return formats.UNDEFINED if share is None else number_text(100 * share, 1)


def _ends(side: Side) -> str:
    low, high = side.share.low, side.share.high
    return "" if low is None or high is None else f"[{_percent(low)}, {_percent(high)}]"


def _pair(pair: Pair, one: BehaviourFound, speech: Speech) -> dict[str, Any]:
    words = {"positive": speech.positive_word or "positive", "negative": speech.negative_word or "negative"}

    def said(answer: str | None) -> str:
        return "" if answer is None else words.get(answer, answer)

    values = [
        f"{value.column}: {_value(value.after)}"
        if one.kind == LEAST_FUNCTION
        else f"{value.column}: {_value(value.before)} → {_value(value.after)}"
        for value in pair.values
    ]
    return {
        "values": values,
        "before": said(pair.answer_before),
        "before_score": "" if pair.before is None else significant_text(pair.before),
        "after": said(pair.answer_after),
        "after_score": significant_text(pair.after),
        "flipped": pair.answer_before is not None and pair.answer_before != pair.answer_after,
        "expected": pair.expected,
    }


def _value(text: str | None) -> str:
    return "missing" if text is None else text


@page
@require_GET
def behaviour_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every test in full precision."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.behaviour is None:
        raise NotFound("This evaluation was made before behaviour tests were run.")
    rows: list[tuple[Any, ...]] = [
        (
            one.name,
            one.number,
            one.kind,
            one.critical,
            one.where or "",
            " and ".join(one.change),
            one.expected,
            one.least_share,
            one.candidate.verdict,
            *(one.candidate.share.value, one.candidate.share.low, one.candidate.share.high),
            one.candidate.tested,
            one.candidate.failed,
            one.candidate.unchanged,
            one.baseline.verdict if one.baseline is not None else "",
            one.baseline.share.value if one.baseline is not None else None,
            one.candidate.reason or "",
        )
        for one in findings.behaviour.tests
    ]
    return file_response(evaluation, "behaviour", "csv", csv_lines(CSV_HEAD, rows))
