"""Asking for approval, taking it back, and turning stale."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require, who_can
from apps.core.topics import nudge
from apps.evaluations import selectors as evaluations
from apps.lineage.services import edge_add
from apps.notices.services import notice_send
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from apps.reviews import policies
from apps.reviews.evidence import evidence_hash, evidence_of
from apps.reviews.models import ApprovalRequest
from apps.reviews.selectors import freshness

_ENVIRONMENT = re.compile(r"^[a-z][a-z0-9-]{0,39}$")


def request_url(request: ApprovalRequest) -> str:
    return reverse("review-detail", args=[request.pk])


def approval_request(
    *,
    actor: Actor,
    model_version_id: uuid.UUID,
    evaluation_id: uuid.UUID | None = None,
    environment: str = "production",
    message: str = "",
    due_days: int = 5,
) -> ApprovalRequest:
    """Ask for a version to go live in an environment, on the evidence of an evaluation (left out: the newest one).

    Raises NotFound, Forbidden, Invalid, and Conflict with `items` that name everything that is missing.
    """
    version = registry.model_version_get(actor, model_version_id)
    require(
        policies.request_send(actor, version.team_id),
        f"Asking for approval takes the right “approval.request”: {who_can('approval.request')} has it.",
    )
    if not _ENVIRONMENT.match(environment):
        raise Invalid.field("environment", "Lower-case letters, digits and hyphens, beginning with a letter.")
    if not 1 <= due_days <= 90:
        raise Invalid.field("due_days", "From 1 to 90 days.")
    if evaluation_id is None:
        evaluation = evaluations.latest_for(version)
    else:
        evaluation = evaluations.evaluation_get(actor, evaluation_id)
    missing = []
    if version.state != "SEALED":
        missing.append(f"The version is {version.get_state_display()}.")
    missing += [f"The lineage lacks {part}." for part in registry.lineage_missing(version)]
    if version.model.problem is None:
        missing.append("The model belongs to no problem.")
    if evaluation is None:
        missing.append("There is no complete evaluation of this version yet.")
    else:
        agreed = problems.version_current(evaluation.problem)
        if evaluation.model_version_id != version.pk:
            raise Invalid.field("evaluation_id", "The evaluation judges another version.")
        if evaluation.state != "COMPLETE":
            missing.append(f"The evaluation is {evaluation.get_state_display()}.")
        if agreed is None or evaluation.problem_version_id != agreed.pk:
            missing.append("The problem has a newer version than the evaluation: evaluate again.")
    if missing or evaluation is None:
        raise Conflict("The version is not ready for a request.", code="not_ready", items=missing)
    with transaction.atomic():
        evidence = evidence_of(version, evaluation)
        previous = (
            ApprovalRequest.objects.filter(model_version=version, environment=environment).order_by("-id").first()
        )
        try:
            with transaction.atomic():
                request = ApprovalRequest.objects.create(
                    team_id=version.team_id,
                    problem=evaluation.problem,
                    number=number_next(evaluation.problem, ApprovalRequest.objects.filter(problem=evaluation.problem)),
                    model_version=version,
                    evaluation=evaluation,
                    environment=environment,
                    requested_by_id=actor.id,
                    message=message,
                    evidence=evidence,
                    evidence_digest=evidence_hash(evidence),
                    due_at=timezone.now() + timedelta(days=due_days),
                    supersedes=previous,
                    created_by_id=actor.id,
                    created_by_label=actor.label,
                )
        except IntegrityError as error:
            raise Conflict("There is an open request for this version already.", code="request_open") from error
        edge_add(subject=request, relation="INFORMED_BY", thing=evaluation, team_id=version.team_id)
        audit_record(
            actor=actor,
            action="approval.request",
            thing=request,
            problem_id=request.problem_id,
            after={
                "version": version.number,
                "environment": environment,
                "evaluation": evaluation.number,
                "evidence_digest": request.evidence_digest,
            },
            reason=message,
        )
        deciders = accounts.people_with_verb("approval.decide", version.team_id).exclude(
            pk__in=[pk for pk in (actor.id, version.trained_by_id, version.registered_by_id) if pk]
        )
        notice_send(
            users=list(deciders),
            team_id=version.team_id,
            kind="approval.request",
            title=f"{version} waits for your decision",
            text=f"{actor.label} asks to put it live in {environment}. Due {request.due_at:%d %b %Y}.",
            url=request_url(request),
            dedupe=f"approval.request:{request.pk}",
        )
        nudge(f"team.{version.team_id}")
    return request


def request_lock(actor: Actor, request_id: uuid.UUID) -> ApprovalRequest:
    """The request, locked. Raises NotFound."""
    found = (
        ApprovalRequest.objects.visible_to(actor)
        .select_related(
            "team", "problem", "requested_by", "model_version__model", "model_version__run", "evaluation__problem"
        )
        .select_for_update(of=("self",))
        .filter(pk=request_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such request, or you may not see it.")
    return found


def request_withdraw(*, actor: Actor, request_id: uuid.UUID, reason: str = "") -> ApprovalRequest:
    """Who asked takes an open or stale request back. Raises NotFound, Forbidden, Conflict."""
    with transaction.atomic():
        request = request_lock(actor, request_id)
        require(policies.request_withdraw(actor, request), f"Only {request.requested_by} can withdraw this request.")
        if request.state not in (ApprovalRequest.State.OPEN, ApprovalRequest.State.STALE):
            raise Conflict(f"The request is {request.get_state_display()} already.", code="request_ended")
        before = request.state
        request.state = ApprovalRequest.State.WITHDRAWN
        request.ended_at = timezone.now()
        request.save(update_fields=["state", "ended_at"])
        audit_record(
            actor=actor,
            action="approval.request_withdraw",
            thing=request,
            problem_id=request.problem_id,
            before={"state": before},
            after={"state": request.state},
            reason=reason,
        )
        nudge(f"review.{request.pk}")
    return request


def request_mark_stale(request: ApprovalRequest, changes: list[str]) -> None:
    """Write what freshness has found, and tell who waits. Must run under the request's lock."""
    request.state = ApprovalRequest.State.STALE
    request.ended_at = timezone.now()
    request.save(update_fields=["state", "ended_at"])
    audit_record(
        actor=Actor.system("reviews"),
        action="approval.stale",
        thing=request,
        problem_id=request.problem_id,
        reason="; ".join(changes),
    )
    deciders = accounts.people_with_verb("approval.decide", request.team_id)
    notice_send(
        users=list({person.pk: person for person in (*deciders, request.requested_by)}.values()),
        team_id=request.team_id,
        kind="approval.stale",
        title=f"Request {request.number} for {request.model_version} is stale",
        text=f"The evidence changed: {'; '.join(changes)}. It has to be asked again.",
        url=request_url(request),
        dedupe=f"approval.stale:{request.pk}",
    )
    nudge(f"review.{request.pk}")


def requests_sweep() -> int:
    """Mark open requests whose evidence has moved on; called by beat. Returns how many were marked."""
    marked = 0
    for pk in ApprovalRequest.objects.filter(state=ApprovalRequest.State.OPEN).values_list("pk", flat=True):
        with transaction.atomic():
            request = request_lock(Actor.system("reviews"), pk)
            if request.state != ApprovalRequest.State.OPEN:
                continue
            fresh = freshness(request)
            if fresh.stale:
                request_mark_stale(request, fresh.changes)
                marked += 1
    return marked
