"""The one place where states and splits move. Callers hold the lock of the deployment's row."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.core.topics import nudge
from apps.deployments.models import Deployment, Rollout, TrafficSplit
from apps.lineage.services import edge_add
from apps.problems.services import problem_activate
from apps.reviews import selectors as reviews

_MOVES = {
    Deployment.State.PROVISIONING: {Deployment.State.READY, Deployment.State.PAUSED, Deployment.State.RETIRED},
    # Back to provisioning: the live version's approval was withdrawn while the next one was loading.
    Deployment.State.READY: {
        Deployment.State.DEGRADED,
        Deployment.State.PAUSED,
        Deployment.State.PROVISIONING,
        Deployment.State.RETIRED,
    },
    Deployment.State.DEGRADED: {
        Deployment.State.READY,
        Deployment.State.PAUSED,
        Deployment.State.PROVISIONING,
        Deployment.State.RETIRED,
    },
    Deployment.State.PAUSED: {Deployment.State.READY, Deployment.State.PROVISIONING, Deployment.State.RETIRED},
    Deployment.State.RETIRED: set(),
}


def deployment_lock(actor: Actor, deployment_id: uuid.UUID) -> Deployment:
    """The deployment, locked. Raises NotFound."""
    found: Deployment | None = (
        Deployment.objects.visible_to(actor)
        .select_related("model", "problem", "team")
        .select_for_update(of=("self",))
        .filter(pk=deployment_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such deployment, or you may not see it.")
    return found


def deployment_transition(*, actor: Actor, deployment: Deployment, to: str, reason: str = "") -> None:
    """Move a locked deployment along the table of moves. Raises Conflict for a move that it does not allow."""
    if deployment.state == to:
        return
    if to not in _MOVES[Deployment.State(deployment.state)]:
        raise Conflict(f"The deployment is {deployment.get_state_display()}.", code="wrong_state")
    before = deployment.state
    deployment.state = to
    deployment.state_reason = reason
    deployment.row_version += 1
    deployment.save(update_fields=["state", "state_reason", "row_version"])
    audit_record(
        actor=actor,
        action=f"deployment.{to.lower()}",
        thing=deployment,
        problem_id=deployment.problem_id,
        before={"state": before},
        after={"state": to},
        reason=reason,
    )
    nudge(f"deployment.{deployment.pk}")
    nudge(f"team.{deployment.team_id}")


def split_write(*, actor: Actor, deployment: Deployment, rollout: Rollout | None, reason: str) -> TrafficSplit:
    """Append who answers from now on: one version with everything, or nobody."""
    shares: list[dict[str, Any]] = []
    if rollout is not None:
        shares = [
            {
                "version_id": str(rollout.model_version_id),
                "number": rollout.model_version.number,
                "basis_points": 10_000,
            }
        ]
    split = TrafficSplit.objects.create(
        deployment=deployment,
        effective_from=timezone.now(),
        shares=shares,
        reason=reason,
        actor_label=actor.label,
    )
    if rollout is not None:
        decision = reviews.decision_of(rollout.request)
        if decision is not None:
            edge_add(subject=split, relation="AUTHORISED_BY", thing=decision, team_id=deployment.team_id)
        edge_add(subject=split, relation="USED", thing=rollout.model_version, team_id=deployment.team_id)
    return split


def rollout_live(*, actor: Actor, deployment: Deployment, rollout: Rollout, reason: str, stop: bool = False) -> None:
    """Put a locked deployment's rollout live and retire the one before it, in one transaction.

    `rollout` may be new and unsaved (a version that is warm takes over at once). With `stop` the one before is no
    longer a target to go back to. Raises Conflict when the approval does not stand.
    """
    if reviews.approval_standing(rollout.model_version_id, deployment.environment) is None:
        raise Conflict("The version's approval does not stand, so it gets no traffic.", code="not_approved")
    now = timezone.now()
    warm = rollout._state.adding
    for old in Rollout.objects.filter(deployment=deployment, state=Rollout.State.LIVE).exclude(pk=rollout.pk):
        old.state = Rollout.State.RETIRED
        old.stopped = stop
        old.ended_at = now
        old.save(update_fields=["state", "stopped", "ended_at"])
    rollout.state = Rollout.State.LIVE
    rollout.live_at = now
    rollout.save()
    split_write(actor=actor, deployment=deployment, rollout=rollout, reason=reason)
    if deployment.state != Deployment.State.READY:
        deployment_transition(actor=actor, deployment=deployment, to=Deployment.State.READY, reason=reason)
    audit_record(
        actor=actor,
        action="deployment.live",
        thing=deployment,
        problem_id=deployment.problem_id,
        after={"version": rollout.model_version.number, "rollout": rollout.number, "request": rollout.request.number},
        reason=reason,
    )
    if not warm:  # going back is never held up by the state of the problem
        problem_activate(actor=actor, problem_id=deployment.problem_id)
    nudge(f"deployment.{deployment.pk}")
    nudge(f"review.{rollout.request_id}")
    nudge(f"team.{deployment.team_id}")


def loading_supersede(deployment: Deployment, why: str) -> None:
    """End the rollout that a locked deployment is loading, if any."""
    for loading in Rollout.objects.filter(deployment=deployment, state=Rollout.State.LOADING):
        loading.state = Rollout.State.RETIRED
        loading.ended_at = timezone.now()
        loading.reason = f"{loading.reason} {why}".strip()
        loading.save(update_fields=["state", "ended_at", "reason"])
