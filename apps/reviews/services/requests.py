"""Asking for approval, taking it back, and turning stale."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require, who_can
from apps.core.topics import nudge
from apps.evaluations import selectors as evaluations
from apps.lineage.services import edge_add
from apps.notices.services import notice_send
from apps.registry import selectors as registry
from apps.reviews import policies
from apps.reviews.evidence import evidence_hash, evidence_of
from apps.reviews.models import ApprovalRequest
from apps.reviews.readiness import request_missing
from apps.reviews.selectors import due_passed, freshness, request_get

if TYPE_CHECKING:
    from apps.accounts.models import User

MESSAGE_LIMIT = 5000
MOST_DUE_DAYS = 90
OPEN_STATES = (ApprovalRequest.State.OPEN, ApprovalRequest.State.STALE)
RENEWABLE_STATES = (ApprovalRequest.State.STALE, ApprovalRequest.State.EXPIRED)
_ENVIRONMENT = re.compile(r"^[a-z][a-z0-9-]{0,39}$")


def due_words(request: ApprovalRequest) -> str:
    """The moment until which a decision was asked for, to the minute."""
    return f"{formats.day(request.due_at)}, {request.due_at:%H:%M} UTC"


def request_url(request: ApprovalRequest) -> str:
    return reverse("review-detail", args=[request.pk])


def _send_require(actor: Actor, team_id: uuid.UUID) -> None:
    require(
        policies.request_send(actor, team_id),
        f"Asking for approval takes the right “approval.request”: {who_can('approval.request')} has it.",
    )


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

    A request that nobody has decided within `due_days` expires.
    Raises NotFound, Forbidden, Invalid, and Conflict with `items` that name everything that is missing.
    """
    version = registry.model_version_get(actor, model_version_id)
    _send_require(actor, version.team_id)
    if not _ENVIRONMENT.match(environment):
        raise Invalid.field("environment", "Lower-case letters, digits and hyphens, beginning with a letter.")
    if not 1 <= due_days <= MOST_DUE_DAYS:
        raise Invalid.field("due_days", f"From 1 to {MOST_DUE_DAYS} days.")
    if len(message) > MESSAGE_LIMIT:
        raise Invalid.field("message", f"At most {MESSAGE_LIMIT} characters.")
    if evaluation_id is None:
        evaluation = evaluations.latest_for(version)
    else:
        evaluation = evaluations.evaluation_get(actor, evaluation_id)
    if evaluation is not None and evaluation.model_version_id != version.pk:
        raise Invalid.field("evaluation_id", "The evaluation judges another version.")
    missing = [str(item) for item in request_missing(version, evaluation)]
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
                    requested_by_id=actor.person_id,
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


def request_renew(*, actor: Actor, request_id: uuid.UUID) -> ApprovalRequest:
    """Ask again for what has gone stale or has expired, with as many days to decide as before.

    The evidence is the newest evaluation: the same one while nothing has changed. Raises NotFound, Forbidden, Conflict.
    """
    request = request_get(actor, request_id)
    _send_require(actor, request.team_id)
    if request.state not in RENEWABLE_STATES:
        raise Conflict(
            f"The request is {request.get_state_display()}; only a stale or an expired one is renewed.",
            code="not_renewable",
        )
    days = round((request.due_at - request.created_at) / timedelta(days=1))
    return approval_request(
        actor=actor,
        model_version_id=request.model_version_id,
        environment=request.environment,
        message=request.message,
        due_days=min(max(days, 1), MOST_DUE_DAYS),
    )


def requests_end_for(actor: Actor, user: User) -> int:
    """Withdraw the requests that a person leaves behind, in the transaction that removes them. Returns how many."""
    count = 0
    for pk in _left_by(user):
        request = request_lock(Actor.system("reviews"), pk)
        if request.state in OPEN_STATES:
            _withdraw(actor, request, f"{user} was removed.")
            count += 1
    return count


def requests_left_by(user: User) -> list[str]:
    """What `requests_end_for` would withdraw, in words."""
    return [f"{request} is withdrawn" for request in ApprovalRequest.objects.filter(pk__in=_left_by(user))]


def _left_by(user: User) -> list[uuid.UUID]:
    rows = ApprovalRequest.objects.filter(requested_by=user, state__in=OPEN_STATES)
    return list(rows.order_by("id").values_list("pk", flat=True))


def request_lock(actor: Actor, request_id: uuid.UUID) -> ApprovalRequest:
    """The request, locked. Raises NotFound."""
    found: ApprovalRequest | None = (
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
        if request.state not in OPEN_STATES:
            raise Conflict(f"The request is {request.get_state_display()} already.", code="request_ended")
        _withdraw(actor, request, reason)
    return request


def _withdraw(actor: Actor, request: ApprovalRequest, reason: str) -> None:
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
    nudge(f"team.{request.team_id}")


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
    nudge(f"team.{request.team_id}")


def request_expire(request: ApprovalRequest) -> None:
    """Write that the due moment passed without a decision, and tell who waits. Must run under the request's lock."""
    request.state = ApprovalRequest.State.EXPIRED
    request.ended_at = timezone.now()
    request.save(update_fields=["state", "ended_at"])
    audit_record(
        actor=Actor.system("reviews"),
        action="approval.expire",
        thing=request,
        problem_id=request.problem_id,
        before={"state": ApprovalRequest.State.OPEN},
        after={"state": request.state, "due_at": request.due_at.isoformat()},
    )
    deciders = accounts.people_with_verb("approval.decide", request.team_id)
    notice_send(
        users=list({person.pk: person for person in (*deciders, request.requested_by)}.values()),
        team_id=request.team_id,
        kind="approval.expired",
        title=f"Request {request.number} for {request.model_version} has expired",
        text=f"Nobody decided by {due_words(request)}. "
        f"{request.requested_by} can ask again with one click on its page.",
        url=request_url(request),
        dedupe=f"approval.expired:{request.pk}",
    )
    nudge(f"review.{request.pk}")
    nudge(f"team.{request.team_id}")


def requests_sweep() -> int:
    """Mark open requests that are past due or whose evidence has moved on; called by beat. Returns how many."""
    marked = 0
    for pk in ApprovalRequest.objects.filter(state=ApprovalRequest.State.OPEN).values_list("pk", flat=True):
        with transaction.atomic():
            request = request_lock(Actor.system("reviews"), pk)
            if request.state != ApprovalRequest.State.OPEN:
                continue
            if due_passed(request):
                request_expire(request)
                marked += 1
                continue
            fresh = freshness(request)
            if fresh.stale:
                request_mark_stale(request, fresh.changes)
                marked += 1
    return marked
