"""Proposed thresholds: what the tab "Threshold" keeps of what people found there, and the version made of one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.core.errors import Invalid
from apps.core.web.views import page
from apps.evaluations import policies, selectors, services
from apps.evaluations.models import Evaluation, ThresholdProposal
from apps.registry import policies as registry

if TYPE_CHECKING:
    from apps.core.actors import Actor


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal as the tab lists it; `url` shows every group at it."""

    proposal: ThresholdProposal
    text: str
    url: str
    apply_url: str
    withdraw_url: str


def proposals_context(actor: Actor, evaluation: Evaluation) -> dict[str, Any]:
    """The proposals, newest first, and what the person may do with them."""
    page_url = reverse("evaluation-threshold", args=[evaluation.pk])
    rows = [
        ProposalRow(
            one,
            f"{one.threshold:.3f}",
            f"{page_url}?at={one.threshold:.3f}",
            reverse("proposal-apply", args=[one.pk]),
            reverse("proposal-withdraw", args=[one.pk]),
        )
        for one in selectors.proposal_list(actor, evaluation.pk).order_by("-id")
    ]
    loaded = evaluation.model_version.brought_on_id is None
    return {
        "proposals": rows,
        "may_propose": policies.proposal_make(actor, evaluation.team_id),
        "may_apply": loaded and registry.model_register(actor, evaluation.team_id),
        "propose_url": reverse("proposal-save", args=[evaluation.pk]),
    }


@page
@require_POST
def proposal_create(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep the threshold that the page shows."""
    target = f"{reverse('evaluation-threshold', args=[pk])}#proposals"
    try:
        proposal = services.proposal_save(
            actor=request.actor,  # type: ignore[attr-defined]
            evaluation_id=pk,
            threshold=_number(request.POST.get("threshold", "")),
            reason=request.POST.get("reason", ""),
        )
    except Invalid as refusal:
        messages.error(request, " ".join(text for texts in refusal.fields.values() for text in texts))
        return redirect(target)
    messages.success(request, f"{proposal.threshold:.3f} is proposed.")
    return redirect(target)


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise Invalid.field("threshold", "A threshold is a number from 0 to 1, as the scores are.") from None


@page
@require_POST
def proposal_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a proposal back."""
    proposal = services.proposal_archive(actor=request.actor, proposal_id=pk)  # type: ignore[attr-defined]
    messages.success(request, f"{proposal.threshold:.3f} is no longer proposed.")
    return redirect(f"{reverse('evaluation-threshold', args=[proposal.evaluation_id])}#proposals")


@page
@require_POST
def proposal_apply(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Make the version with it; goes on to that version, where it is evaluated next."""
    version = services.proposal_apply(actor=request.actor, proposal_id=pk)  # type: ignore[attr-defined]
    messages.success(request, f"{version} decides from {version.threshold:.3f} on. Evaluate it before it is proposed.")
    return redirect("version-detail", pk=version.pk)
