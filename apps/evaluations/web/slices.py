"""The tab "Weak slices": groups that nobody named in which the model does worse, and the way to name them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis.contracts.findings import WRONG, SliceFound, SlicesFound
from analysis.contracts.segments import PERFORMANCE, PROTECTED
from analysis.contracts.wording import number_text, significant_text
from apps.core import formats
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts.found import slices_verdict
from apps.evaluations.models import Evaluation
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.frame import SLICES, tab_context
from apps.evaluations.web.listing import Heading, csv_lines, listing_make

MAX_NAME: Final = 120
CSV_HEAD: Final = (
    "slice",
    "expression",
    "protected",
    "rows",
    "rows_tested",
    "loss_inside",
    "loss_outside",
    "difference",
    "low",
    "high",
    "p",
    "p_corrected",
    "excess",
    "named",
    "weight",
)
HEADS: Final[tuple[Heading[SliceFound], ...]] = (
    Heading("slice", "Group", lambda one: one.label),
    Heading("rows", "Rows", lambda one: one.n, "n", "On both halves of the held-out rows."),
    Heading("inside", "Inside", lambda one: one.loss, "n", "On the half that the search did not see."),
    Heading("outside", "Elsewhere", lambda one: one.rest_loss, "n"),
    Heading("more", "More by", lambda one: one.difference, "n"),
    Heading("interval", "Interval", None, "ci"),
    Heading("p", "p, corrected", lambda one: one.p_adjusted, "n", "Benjamini and Hochberg's correction."),
    Heading("excess", "In all", lambda one: one.excess, "n", "Loss of its rows beyond that of as many others."),
)


@dataclass(frozen=True, slots=True)
class SliceRow:
    """A slice as the table shows it; `name_url` opens the draft of the problem with it filled in."""

    one: SliceFound
    inside: str
    outside: str
    more: str
    interval: str
    p: str
    excess: str
    name_url: str


@page
@require_GET
def evaluation_slices(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Verdict, then the table of slices."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    context, _, speech = tab_context(request, evaluation, SLICES)
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.slices is None:
        return render(request, "evaluations/findings_none.html", context | {"wanted": "Weak slices"})
    found = findings.slices
    may_name = request.actor.can("problem.edit", evaluation.team_id)  # type: ignore[attr-defined]
    listing = listing_make(
        request, found.slices, HEADS, words=lambda one: f"{one.label} {one.expression}", default="-excess"
    )
    context |= {
        "found": found,
        "verdict": slices_verdict(found, speech),
        "listing": listing,
        "rows": [_row(one, found, evaluation, may_name=may_name) for one in listing.rows],
        "may_name": may_name,
        "unit": "%" if found.loss == WRONG else "",
        "false_of": round(100 * found.false_share),
    }
    return render(request, "evaluations/slices.html", context)


def _row(one: SliceFound, found: SlicesFound, evaluation: Evaluation, *, may_name: bool) -> SliceRow:
    return SliceRow(
        one=one,
        inside=_amount(one.loss, found),
        outside=_amount(one.rest_loss, found),
        more=formats.signed(_amount(one.difference, found)),
        interval=f"[{formats.signed(_amount(one.low, found))}, {formats.signed(_amount(one.high, found))}]",
        p=p_text(one.p_adjusted),
        excess=number_text(one.excess, 0) if found.loss == WRONG else significant_text(one.excess),
        name_url=_name_url(one, evaluation) if may_name else "",
    )


def _amount(value: float, found: SlicesFound) -> str:
    if found.loss == WRONG:
        return number_text(100 * value, 1)
    return significant_text(value)


def p_text(value: float | None) -> str:
    """ "0.012", "< 0.001"; empty without one."""
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else number_text(value, 3)


def _name_url(one: SliceFound, evaluation: Evaluation) -> str:
    """The problem's draft with the slice as one more segment; where there is no draft, that page offers a version."""
    proposed = {
        "segment-name": one.label[:MAX_NAME],
        "segment-expression": one.expression,
        "segment-purpose": PROTECTED if one.protected else PERFORMANCE,
    }
    return f"{reverse('problem-edit', args=[evaluation.problem_id])}?{urlencode(proposed)}#h-segments"


@page
@require_GET
def slices_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every slice in full precision."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.slices is None:
        raise NotFound("This evaluation was made before weak slices were searched.")
    rows: list[tuple[Any, ...]] = [
        (
            one.label,
            one.expression,
            one.protected,
            one.n,
            one.tested_n,
            one.loss,
            one.rest_loss,
            one.difference,
            one.low,
            one.high,
            one.p,
            one.p_adjusted,
            one.excess,
            one.named or "",
            one.mass,
        )
        for one in findings.slices.slices
    ]
    return file_response(evaluation, "slices", "csv", csv_lines(CSV_HEAD, rows))
