"""Thresholds that people propose from what an evaluation shows, and the version that takes one."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from analysis.contracts.metrics import BINARY
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require, who_can
from apps.evaluations import policies
from apps.evaluations.models import ThresholdProposal
from apps.evaluations.selectors import evaluation_get, report_of
from apps.lineage.services import edge_add
from apps.registry import services as registry

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion

LONGEST_REASON = 2000
MOST = 50


def proposal_save(*, actor: Actor, evaluation_id: uuid.UUID, threshold: float, reason: str) -> ThresholdProposal:
    """Propose a threshold; the same one again is the one that stands.

    Raises NotFound, Forbidden, Invalid at the field, Conflict while there is no report.
    """
    evaluation = evaluation_get(actor, evaluation_id)
    require(
        policies.proposal_make(actor, evaluation.team_id),
        f"Proposing a threshold takes a role in the team: {who_can(*policies.TAKING_PART)} may.",
    )
    if report_of(evaluation).task != BINARY:
        raise Conflict("Only an answer between two classes has a threshold.", code="no_threshold")
    if isinstance(threshold, bool) or not (math.isfinite(threshold) and 0 <= threshold <= 1):
        raise Invalid.field("threshold", "A threshold is a number from 0 to 1, as the scores are.")
    why = reason.strip()
    if not why or len(why) > LONGEST_REASON or "\x00" in why:
        raise Invalid.field("reason", f"Say what speaks for it, in 1 to {LONGEST_REASON} characters.")
    with transaction.atomic():
        standing = ThresholdProposal.objects.filter(evaluation=evaluation, archived_at__isnull=True)
        held: ThresholdProposal | None = standing.filter(threshold=threshold).first()
        if held is not None:
            return held
        if standing.count() >= MOST:
            raise Conflict(f"An evaluation has at most {MOST} proposals; take one back first.", code="too_many")
        proposal: ThresholdProposal = ThresholdProposal.objects.create(
            team_id=evaluation.team_id,
            evaluation=evaluation,
            threshold=threshold,
            reason=why,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        edge_add(subject=proposal, relation="DERIVED_FROM", thing=evaluation, team_id=evaluation.team_id)
        audit_record(
            actor=actor,
            action="threshold.propose",
            thing=proposal,
            problem_id=evaluation.problem_id,
            after={"threshold": threshold},
            reason=why,
        )
    return proposal


def proposal_archive(*, actor: Actor, proposal_id: uuid.UUID) -> ThresholdProposal:
    """Take a proposal back. Raises NotFound, Forbidden."""
    with transaction.atomic():
        proposal = _proposal_lock(actor, proposal_id)
        require(
            policies.proposal_make(actor, proposal.team_id),
            f"Taking a proposal back takes a role in the team: {who_can(*policies.TAKING_PART)} may.",
        )
        if proposal.archived_at is None:
            proposal.archived_at = timezone.now()
            proposal.save(update_fields=["archived_at"])
            audit_record(
                actor=actor,
                action="threshold.withdraw",
                thing=proposal,
                problem_id=proposal.evaluation.problem_id,
                after={"threshold": proposal.threshold},
            )
    return proposal


def proposal_apply(*, actor: Actor, proposal_id: uuid.UUID) -> ModelVersion:
    """The version with the proposed threshold, made from the same files; evaluated, gated and approved like any.

    Raises NotFound, Forbidden, Conflict for a proposal that was taken back and for a version that is not sealed.
    """
    with transaction.atomic():
        proposal = _proposal_lock(actor, proposal_id)
        if proposal.archived_at is not None:
            raise Conflict("The proposal was taken back.", code="withdrawn")
        version: ModelVersion = registry.version_rethreshold(
            actor=actor, version_id=proposal.evaluation.model_version_id, threshold=proposal.threshold
        )
        edge_add(subject=version, relation="INFORMED_BY", thing=proposal, team_id=proposal.team_id)
        audit_record(
            actor=actor,
            action="threshold.apply",
            thing=proposal,
            problem_id=proposal.evaluation.problem_id,
            after={"threshold": proposal.threshold, "version": version.number},
        )
    return version


def _proposal_lock(actor: Actor, proposal_id: uuid.UUID) -> ThresholdProposal:
    rows = ThresholdProposal.objects.visible_to(actor).select_related("evaluation__problem")
    rows = rows.defer("evaluation__report", "evaluation__findings")
    found: ThresholdProposal | None = rows.select_for_update(of=("self",)).filter(pk=proposal_id).first()
    if found is None:
        raise NotFound("There is no such proposal, or you may not see it.")
    return found
