"""The tab "Fairness": every criterion with its number, what it means for people, and which cannot hold together."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from analysis.contracts.criteria import CRITERIA, EQUAL_OPPORTUNITY, EQUALIZED_ODDS, RATIO, Criterion
from analysis.contracts.findings import ConflictFound, ConflictsFound, CriterionFound, Fairness
from analysis.contracts.wording import AMOUNTS, criterion_text, number_text
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts import Speech
from apps.evaluations.contracts.found import STATE_WORDS, fairness_verdict, meaning_of
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.frame import FAIRNESS, tab_context
from apps.evaluations.web.listing import csv_lines
from apps.problems import selectors as problems

CSV_HEAD: Final = (
    "segment",
    "protected",
    "criterion",
    "of",
    "worst_class",
    "value",
    "low",
    "high",
    "limit",
    "holding",
    "lowest",
    "highest",
    "left_out",
    "undefined",
)


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """One criterion as the table shows it."""

    one: CriterionFound
    definition: str
    source: str
    value: str
    interval: str
    limit: str
    unit: str
    state: str
    word: str
    meaning: str
    left_out: str
    chosen: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """Criteria that cannot all hold, and what would be forced on each group."""

    title: str
    one: ConflictFound
    forced: tuple[tuple[str, str, str], ...]
    chosen: bool


@page
@require_GET
def evaluation_fairness(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Verdict over all segments, then the criteria of one segment and its conflicts."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    context, report, speech = tab_context(request, evaluation, FAIRNESS)
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.fairness is None:
        return render(request, "evaluations/findings_none.html", context | {"wanted": "Fairness criteria"})
    entries = findings.fairness
    entry = _entry(request, entries)
    context |= {
        "verdict": fairness_verdict(entries),
        "entry": entry,
        "segments": [{"name": one.segment, "current": one is entry, "protected": one.protected} for one in entries],
        "level": round(100 * report.level),
    }
    if entry is not None:
        every = request.GET.get("classes") == "all"
        reasons = selectors.criteria_reasons_of(problems.objective_list(evaluation.problem_version))
        shown = _shown(entry, every=every)
        context |= {
            "rows": [_row(one, speech, reasons.get((entry.segment, one.criterion))) for one in shown],
            "every": every,
            "more": len(entry.criteria) - len(shown),
            **_conflicts_context(request, entry, speech, {code for name, code in reasons if name == entry.segment}),
        }
    return render(request, "evaluations/fairness.html", context)


def _entry(request: HttpRequest, entries: tuple[Fairness, ...]) -> Fairness | None:
    """The segment that the address names, else the first protected one, else the first."""
    wanted = request.GET.get("segment", "")
    named = [one for one in entries if one.segment == wanted]
    protected = [one for one in entries if one.protected]
    return next(iter([*named, *protected, *entries]), None)


def _shown(entry: Fairness, *, every: bool) -> list[CriterionFound]:
    """The first of each criterion (for many classes: the worst of them), or all."""
    first: dict[str, CriterionFound] = {}
    for one in entry.criteria:
        first.setdefault(one.criterion, one)
    return list(entry.criteria) if every else list(first.values())


def _row(one: CriterionFound, speech: Speech, reason: str | None) -> CriterionRow:
    """`reason`: why the problem chose it; None when it did not."""
    named = CRITERIA.get(one.criterion)
    ratio = named is not None and named.shape == RATIO
    state, word = STATE_WORDS.get(one.holding, STATE_WORDS[None])
    interval = ""
    if one.low is not None and one.high is not None:
        interval = f"[{_text(one.low, one)}, {_text(one.high, one)}]"
    return CriterionRow(
        one=one,
        definition=named.definition if named is not None else "",
        source=named.source if named is not None else "",
        value="" if one.value is None else _text(one.value, one),
        interval=interval,
        limit=_limit(one, named, ratio=ratio),
        unit=_unit(one, speech, ratio=ratio),
        state=state,
        word=word,
        meaning=meaning_of(one, speech),
        left_out="; ".join(f"{left.label}: {left.reason}" for left in one.left_out),
        chosen=reason is not None,
        reason=reason or "",
    )


def _limit(one: CriterionFound, named: Criterion | None, *, ratio: bool) -> str:
    """ "at most 5.0", "at least 0.80, by custom", "none"."""
    if one.limit is None:
        return "none"
    custom = ", by custom" if named is not None and named.limit == one.limit else ""
    return f"at {'least' if ratio else 'most'} {_text(one.limit, one)}{custom}"


def _unit(one: CriterionFound, speech: Speech, *, ratio: bool) -> str:
    if one.criterion == "COST_PARITY":
        return f"{speech.currency} per 100 {speech.units}".strip()
    if one.criterion in AMOUNTS:
        return f"in “{speech.target}”" if speech.target else ""
    return "of the highest" if ratio else "points"


def _text(value: float, one: CriterionFound) -> str:
    return criterion_text(one.criterion, value, most=one.high or 0.0)


def _conflicts_context(request: HttpRequest, entry: Fairness, speech: Speech, chosen: set[str]) -> dict[str, Any]:
    """What cannot hold together: of two classes, or of the class that the address names, else of the first in conflict.

    `chosen` are the criteria that the problem chose for the segment.
    """
    found, of = entry.conflicts, speech.positive_word or "positive"
    classes: list[dict[str, Any]] = []
    if entry.class_conflicts:
        wanted = request.GET.get("of", "")
        named = [one for one in entry.class_conflicts if one.of == wanted]
        opposed = [one for one in entry.class_conflicts if one.found.conflicts]
        shown = next(iter([*named, *opposed, *entry.class_conflicts]))
        found, of = shown.found, shown.of
        classes = [
            {"name": one.of, "current": one is shown, "count": len(one.found.conflicts)}
            for one in entry.class_conflicts
        ]
    if found is None:
        return {"conflicts_asked": False}
    rows = sorted(_conflicts(found, speech, chosen), key=lambda row: not row.chosen)
    return {
        "conflicts_asked": True,
        "conflicts": rows,
        "conflicts_of": of,
        "conflict_classes": classes,
        "conflicts_chosen": [row for row in rows if row.chosen],
        "base_rates": _rates(found),
        "conflicts_none": found.undefined,
    }


def _conflicts(found: ConflictsFound, speech: Speech, chosen: set[str]) -> list[ConflictRow]:
    return [
        ConflictRow(
            title=" and ".join(CRITERIA[code].name for code in one.criteria if code in CRITERIA),
            one=one,
            chosen=_opposed(one, chosen),
            forced=tuple((each.label, _forced(each.value, one, speech), each.reason or "") for each in one.forced),
        )
        for one in found.conflicts
    ]


def _opposed(one: ConflictFound, chosen: set[str]) -> bool:
    """Did the problem choose all that exclude each other? Who chooses equalized odds chose equal opportunity too."""
    implied = {EQUAL_OPPORTUNITY} if EQUALIZED_ODDS in chosen else set()
    return chosen | implied >= set(one.criteria)


def _forced(value: float | None, one: ConflictFound, speech: Speech) -> str:
    if value is None:
        return ""
    if one.quantity == "cost per 100":
        return f"{speech.currency} {number_text(value, 0)}".strip()
    return f"{number_text(100 * value, 1)} %"


def _rates(found: ConflictsFound) -> list[tuple[str, str, str]]:
    rows = []
    for one in found.base_rates:
        rate = one.rate
        value = "" if rate.value is None else f"{number_text(100 * rate.value, 1)} %"
        ends = "" if rate.low is None or rate.high is None else _ends(rate.low, rate.high)
        rows.append((one.label, value, ends))
    return rows


def _ends(low: float, high: float) -> str:
    return f"[{number_text(100 * low, 1)}, {number_text(100 * high, 1)}]"


@page
@require_GET
def fairness_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every criterion of every segment in full precision."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.fairness is None:
        raise NotFound("This evaluation holds no fairness criteria.")
    rows: list[tuple[Any, ...]] = [
        (
            entry.segment,
            entry.protected,
            one.name,
            one.of or "",
            one.worst_class or "",
            one.value,
            one.low,
            one.high,
            one.limit,
            one.holding or "",
            one.lowest or "",
            one.highest or "",
            "; ".join(f"{left.label}: {left.reason}" for left in one.left_out),
            one.undefined or "",
        )
        for entry in findings.fairness
        for one in entry.criteria
    ]
    return file_response(evaluation, "fairness", "csv", csv_lines(CSV_HEAD, rows))
