"""Rollback, pause, resume, kill, retire: each needs a reason, none an approval (invariant I17)."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.policies import require
from apps.deployments import policies
from apps.deployments.models import Deployment, HostReport, Rollout
from apps.deployments.services.rollouts import rollout_repeat
from apps.deployments.services.targets import targets_of
from apps.deployments.services.traffic import (
    deployment_lock,
    deployment_transition,
    loading_supersede,
    rollout_live,
    split_write,
)
from apps.reviews import selectors as reviews


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid.field("reason", "Give a reason; it is kept in the audit.")
    return reason.strip()


def deployment_rollback(*, actor: Actor, deployment_id: uuid.UUID, reason: str) -> Rollout:
    """Give all traffic back to the version before, which is warm and whose approval stands.

    Raises NotFound, Forbidden, Invalid, Conflict (nothing to go back to).
    """
    reason = _reason(reason)
    with transaction.atomic():
        deployment = deployment_lock(actor, deployment_id)
        require(policies.deployment_stop(actor, deployment), "Rolling back takes a product owner's or operator's role.")
        if deployment.state not in (Deployment.State.READY, Deployment.State.DEGRADED):
            raise Conflict(f"The deployment is {deployment.get_state_display()}.", code="wrong_state")
        target = targets_of(deployment).fallback
        if target is None:
            raise Conflict("There is no earlier version whose approval stands.", code="no_rollback_target")
        loading_supersede(deployment, "Ended by a rollback.")
        rollout = rollout_repeat(deployment, target, reason)
        rollout_live(actor=actor, deployment=deployment, rollout=rollout, reason=reason, stop=True)
        audit_record(
            actor=actor,
            action="deployment.rollback",
            thing=deployment,
            problem_id=deployment.problem_id,
            after={"version": rollout.model_version.number},
            reason=reason,
        )
    return rollout


def deployment_kill(*, actor: Actor, deployment_id: uuid.UUID, reason: str) -> Deployment:
    """End the live version's traffic at once: the approved baseline takes over, else nobody answers.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    reason = _reason(reason)
    with transaction.atomic():
        deployment = deployment_lock(actor, deployment_id)
        require(
            policies.kill_switch(actor, deployment),
            "The kill switch takes a product owner's, operator's or administrator's role.",
        )
        if deployment.state in (Deployment.State.RETIRED, Deployment.State.PAUSED):
            raise Conflict(f"The deployment is {deployment.get_state_display()}.", code="wrong_state")
        baseline = targets_of(deployment).baseline
        loading_supersede(deployment, "Ended by the kill switch.")
        audit_record(
            actor=actor,
            action="deployment.kill",
            thing=deployment,
            problem_id=deployment.problem_id,
            after={"baseline": baseline.model_version.number if baseline else None},
            reason=reason,
        )
        if baseline is not None:
            rollout = rollout_repeat(deployment, baseline, reason)
            rollout_live(actor=actor, deployment=deployment, rollout=rollout, reason=reason, stop=True)
        else:
            _stop(actor, deployment, reason, stop=True)
    return deployment


def _stop(actor: Actor, deployment: Deployment, reason: str, *, stop: bool = False) -> None:
    loading_supersede(deployment, "Ended before it was live.")
    for rollout in Rollout.objects.filter(deployment=deployment, state=Rollout.State.LIVE):
        rollout.state = Rollout.State.RETIRED
        rollout.stopped = stop
        rollout.ended_at = timezone.now()
        rollout.save(update_fields=["state", "stopped", "ended_at"])
    split_write(actor=actor, deployment=deployment, rollout=None, reason=reason)
    deployment_transition(actor=actor, deployment=deployment, to=Deployment.State.PAUSED, reason=reason)


def deployment_pause(*, actor: Actor, deployment_id: uuid.UUID, reason: str) -> Deployment:
    """Nobody answers until it is resumed. Raises NotFound, Forbidden, Invalid, Conflict."""
    reason = _reason(reason)
    with transaction.atomic():
        deployment = deployment_lock(actor, deployment_id)
        require(policies.deployment_stop(actor, deployment), "Pausing takes a product owner's or operator's role.")
        if deployment.state in (Deployment.State.RETIRED, Deployment.State.PAUSED):
            raise Conflict(f"The deployment is {deployment.get_state_display()}.", code="wrong_state")
        _stop(actor, deployment, reason)
    return deployment


def deployment_resume(*, actor: Actor, deployment_id: uuid.UUID, reason: str) -> Deployment:
    """Put the version that was live last back, when its approval stands on today's evidence.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    reason = _reason(reason)
    with transaction.atomic():
        deployment = deployment_lock(actor, deployment_id)
        require(policies.deployment_stop(actor, deployment), "Resuming takes a product owner's or operator's role.")
        if deployment.state != Deployment.State.PAUSED:
            raise Conflict(f"The deployment is {deployment.get_state_display()}.", code="wrong_state")
        last = (
            Rollout.objects.filter(deployment=deployment, live_at__isnull=False)
            .select_related("model_version__model", "request")
            .order_by("-live_at")
            .first()
        )
        current = reviews.approval_current(last.model_version_id, deployment.environment) if last else None
        if last is None or current is None:
            raise Conflict(
                "The version that was live last has no approval that stands on today's evidence.", code="not_approved"
            )
        rollout = rollout_repeat(deployment, last, reason)
        rollout.request = current
        rollout.save()
        HostReport.objects.filter(version_id=rollout.model_version_id).delete()
        deployment_transition(actor=actor, deployment=deployment, to=Deployment.State.PROVISIONING, reason=reason)
        audit_record(
            actor=actor,
            action="deployment.resume",
            thing=deployment,
            problem_id=deployment.problem_id,
            after={"version": rollout.model_version.number},
            reason=reason,
        )
    return deployment


def deployment_retire(*, actor: Actor, deployment_id: uuid.UUID, reason: str) -> Deployment:
    """End a deployment for good; its log and history stay. Raises NotFound, Forbidden, Invalid, Conflict."""
    reason = _reason(reason)
    with transaction.atomic():
        deployment = deployment_lock(actor, deployment_id)
        require(policies.deployment_stop(actor, deployment), "Retiring takes a product owner's or operator's role.")
        if deployment.state == Deployment.State.RETIRED:
            raise Conflict("The deployment is retired already.", code="wrong_state")
        if deployment.state != Deployment.State.PAUSED:
            _stop(actor, deployment, reason)
        deployment_transition(actor=actor, deployment=deployment, to=Deployment.State.RETIRED, reason=reason)
    return deployment
