"""From an approval to traffic: the version is loaded beside the live one, then takes over."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.numbers import number_next
from apps.core.policies import require
from apps.core.topics import nudge
from apps.deployments import policies
from apps.deployments.models import Deployment, HostReport, Rollout
from apps.deployments.services.targets import fallback_of
from apps.deployments.services.traffic import (
    deployment_lock,
    deployment_transition,
    loading_supersede,
    rollout_live,
    split_write,
)
from apps.notices.services import notice_send
from apps.registry import selectors as registry
from apps.reviews import selectors as reviews

if TYPE_CHECKING:
    from apps.reviews.models import ApprovalRequest


def _name_for(request: ApprovalRequest) -> str:
    """A name of the inference protocol that no other deployment of the site has."""
    base = slugify(request.model_version.model.name)[:60] or "model"
    if request.environment != "production":
        base = f"{base[: 60 - len(request.environment)]}-{request.environment}"
    name, count = base, 1
    while Deployment.objects.filter(name=name).exists():
        count += 1
        name = f"{base}-{count}"
    return name


def approval_given(actor: Actor, request: ApprovalRequest) -> Rollout:
    """Listener of reviews: an approval starts its deployment, in the transaction of the decision."""
    return _rollout_start(actor, request, f"Request {request.number} was approved by {actor.label}.")


def deployment_request(*, actor: Actor, request_id: uuid.UUID) -> Rollout:
    """Start again what is approved, on evidence that still holds. Raises NotFound, Forbidden, Conflict."""
    request = reviews.request_get(actor, request_id)
    require(
        policies.deployment_repeat(actor, request),
        "Starting an approved version takes an operator's or product owner's role in the team.",
    )
    with transaction.atomic():
        current = reviews.approval_current(request.model_version_id, request.environment)
        if current is None:
            raise Conflict(
                "The version has no approval that stands on today's evidence: ask for one.", code="not_approved"
            )
        return _rollout_start(actor, current, f"Started again by {actor.label}.")


def _rollout_start(actor: Actor, request: ApprovalRequest, reason: str) -> Rollout:
    gap = registry.model_missing(request.model_version)
    if gap:
        raise Conflict(f"{gap} It cannot be deployed.", code="no_model")
    model = request.model_version.model
    deployment = (
        Deployment.objects.select_for_update(of=("self",))
        .filter(model=model, environment=request.environment)
        .exclude(state=Deployment.State.RETIRED)
        .first()
    )
    if deployment is None:
        try:
            with transaction.atomic():
                deployment = Deployment.objects.create(
                    team_id=request.team_id,
                    problem_id=request.problem_id,
                    model=model,
                    name=_name_for(request),
                    environment=request.environment,
                    created_by_id=actor.id if actor.is_person else None,
                    created_by_label=actor.label,
                )
        except IntegrityError as error:
            raise Conflict("Somebody started this deployment a moment ago.", code="busy") from error
        audit_record(
            actor=actor, action="deployment.create", thing=deployment, problem_id=request.problem_id, reason=reason
        )
        # From its first instant on there is a split that says who answers (invariant I13).
        split_write(actor=actor, deployment=deployment, rollout=None, reason="Nothing was live yet.")
    elif deployment.state == Deployment.State.PAUSED:
        deployment_transition(actor=actor, deployment=deployment, to=Deployment.State.PROVISIONING, reason=reason)
    loading_supersede(deployment, "Superseded before it was live.")
    live = (
        Rollout.objects.select_related("model_version").filter(deployment=deployment, state=Rollout.State.LIVE).first()
    )
    if live is not None and live.model_version_id == request.model_version_id:
        return _rollout_renew(actor, deployment, live, request, reason)
    rollout = Rollout.objects.create(
        deployment=deployment,
        team_id=deployment.team_id,
        number=number_next(deployment, Rollout.objects.filter(deployment=deployment)),
        model_version=request.model_version,
        request=request,
        reason=reason,
    )
    audit_record(
        actor=actor,
        action="deployment.rollout",
        thing=rollout,
        team_id=deployment.team_id,
        problem_id=deployment.problem_id,
        after={"version": rollout.model_version.number, "environment": deployment.environment},
        reason=reason,
    )
    HostReport.objects.filter(version_id=rollout.model_version_id).exclude(state="READY").delete()
    nudge(f"deployment.{deployment.pk}")
    return rollout


def _rollout_renew(
    actor: Actor, deployment: Deployment, live: Rollout, request: ApprovalRequest, reason: str
) -> Rollout:
    """The version answers already: from now on under the newer approval."""
    if live.request_id != request.pk:
        live.request = request
        live.save(update_fields=["request"])
        deployment.row_version += 1
        deployment.save(update_fields=["row_version"])
        audit_record(
            actor=actor,
            action="deployment.renew",
            thing=deployment,
            problem_id=deployment.problem_id,
            after={"rollout": live.number, "request": request.number},
            reason=reason,
        )
        nudge(f"deployment.{deployment.pk}")
    return live


def approval_withdrawn(actor: Actor, request: ApprovalRequest) -> None:
    """Listener of reviews: what answered under this approval stops, in the same transaction.

    The version before it takes over when its own approval stands and it is warm; otherwise the deployment pauses.
    """
    held = Rollout.objects.filter(request=request, state__in=[Rollout.State.LIVE, Rollout.State.LOADING])
    for pk in sorted(set(held.values_list("deployment_id", flat=True))):
        deployment = deployment_lock(Actor.system("deployments"), pk)
        reason = f"The approval of request {request.number} was withdrawn."
        was_live = False
        for rollout in held.filter(deployment=deployment):
            was_live = was_live or rollout.state == Rollout.State.LIVE
            rollout.state = Rollout.State.WITHDRAWN
            rollout.ended_at = timezone.now()
            rollout.save(update_fields=["state", "ended_at"])
        fallback = fallback_of(deployment) if was_live else None
        if fallback is not None:
            again = rollout_repeat(deployment, fallback, reason)
            rollout_live(actor=actor, deployment=deployment, rollout=again, reason=reason)
        else:
            pause_unless_open(actor, deployment, reason)
        nudge(f"deployment.{deployment.pk}")


def pause_unless_open(actor: Actor, deployment: Deployment, reason: str) -> None:
    """Nobody answers a locked deployment without a live version; it is paused unless another version is loading."""
    states = set(
        Rollout.objects.filter(
            deployment=deployment, state__in=[Rollout.State.LIVE, Rollout.State.LOADING]
        ).values_list("state", flat=True)
    )
    if Rollout.State.LIVE in states:
        return
    split_write(actor=actor, deployment=deployment, rollout=None, reason=reason)
    to = Deployment.State.PROVISIONING if Rollout.State.LOADING in states else Deployment.State.PAUSED
    deployment_transition(actor=actor, deployment=deployment, to=to, reason=reason)


def rollout_repeat(deployment: Deployment, earlier: Rollout, reason: str) -> Rollout:
    """A new rollout of an earlier version under its standing approval; not saved, its number is taken."""
    return Rollout(
        deployment=deployment,
        team_id=deployment.team_id,
        number=number_next(deployment, Rollout.objects.filter(deployment=deployment)),
        model_version=earlier.model_version,
        request=earlier.request,
        reason=reason,
    )


def rollout_fail(*, deployment: Deployment, rollout: Rollout, error: str) -> None:
    """The host could not load the version: the live one stays, and who decided is told."""
    rollout.state = Rollout.State.FAILED
    rollout.error = error[:2000]
    rollout.ended_at = timezone.now()
    rollout.save(update_fields=["state", "error", "ended_at"])
    audit_record(
        actor=Actor.system("deployments"),
        action="deployment.rollout_failed",
        thing=rollout,
        team_id=deployment.team_id,
        problem_id=deployment.problem_id,
        reason=error[:2000],
    )
    pause_unless_open(
        Actor.system("deployments"), deployment, f"{rollout.model_version} could not be loaded: {error[:300]}"
    )
    decision = reviews.decision_of(rollout.request)
    people = {rollout.request.requested_by_id: rollout.request.requested_by}
    if decision is not None:
        people[decision.person_id] = decision.person
    notice_send(
        users=list(people.values()),
        team_id=deployment.team_id,
        kind="deployment.failed",
        title=f"{rollout.model_version} could not be put live",
        text=error[:500],
        url=f"/deployments/{deployment.pk}/",
        dedupe=f"deployment.failed:{rollout.pk}",
    )
    nudge(f"deployment.{deployment.pk}")
