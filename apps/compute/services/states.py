"""The one place where a target changes its state, and what people do to it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.compute.contracts import use_of
from apps.compute.models import ComputeTarget
from apps.compute.policies import require_targets_manage
from apps.compute.selectors import target_get
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.notices.services import notice_send

State = ComputeTarget.State

MOVES: dict[str, frozenset[str]] = {
    State.UNTESTED: frozenset({State.HEALTHY, State.DRAINED, State.REMOVED}),
    State.HEALTHY: frozenset({State.DEGRADED, State.DRAINED, State.UNTESTED}),
    State.DEGRADED: frozenset({State.HEALTHY, State.DRAINED, State.UNTESTED, State.REMOVED}),
    State.DRAINED: frozenset({State.HEALTHY, State.UNTESTED, State.REMOVED}),
    State.REMOVED: frozenset(),
}


def target_lock(target_id: uuid.UUID) -> ComputeTarget:
    """The target's row, locked until the transaction ends; its jobs' foreign keys do not wait for it."""
    found: ComputeTarget = ComputeTarget.objects.select_for_update(no_key=True).get(pk=target_id)
    return found


def target_transition(*, actor: Actor, target: ComputeTarget, to: str, reason: str = "") -> ComputeTarget:
    """Move a target that the caller has locked, with its audit entry. Saves the whole row.

    Raises Conflict when the table of moves does not have this one.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A target moves only inside the transaction that holds its lock.")
    if to not in MOVES[target.state]:
        raise Conflict(
            f"A target that is {target.get_state_display()} cannot become {State(to).label}.", code="target_state"
        )
    before = target.state
    target.state, target.state_reason, target.state_since = to, reason[:500], timezone.now()
    target.row_version += 1
    target.save()
    audit_record(
        actor=actor,
        action=f"target.{to.lower()}",
        thing=target,
        before={"state": before},
        after={"state": to},
        reason=reason,
    )
    return target


def target_drain(*, actor: Actor, target_id: uuid.UUID, reason: str = "") -> ComputeTarget:
    """Let running jobs end and take no new one. Raises NotFound, Forbidden, Conflict (drained already)."""
    with transaction.atomic():
        target = _locked(actor, target_id)
        return target_transition(actor=actor, target=target, to=State.DRAINED, reason=reason.strip())


def target_resume(*, actor: Actor, target_id: uuid.UUID) -> ComputeTarget:
    """Take jobs again: healthy at once where a test has passed, else untested. Raises NotFound, Forbidden, Conflict."""
    with transaction.atomic():
        target = _locked(actor, target_id)
        if target.state != State.DRAINED:
            raise Conflict(f"Target {target.name} is not drained: it is {target.get_state_display()}.")
        tested = target.builtin or target.tested_at is not None
        target.failures = 0
        return target_transition(actor=actor, target=target, to=State.HEALTHY if tested else State.UNTESTED)


def target_remove(*, actor: Actor, target_id: uuid.UUID) -> ComputeTarget:
    """Remove a target for good: its secret is deleted, what ran on it keeps its name.

    Raises NotFound, Forbidden, and Conflict for this machine, for a healthy target (drain it first) and while jobs
    wait for it or run on it.
    """
    with transaction.atomic():
        target = _locked(actor, target_id)
        if target.builtin:
            raise Conflict("This machine cannot be removed; drain it to keep jobs away from it.", code="builtin")
        if target.state == State.HEALTHY:
            raise Conflict(f"Target {target.name} takes jobs: drain it first, then remove it.", code="not_drained")
        use = use_of([target.pk])[target.pk]
        if use.open:
            raise Conflict(
                f"Target {target.name} has jobs: {use.running} run on it and {use.waiting} wait for it. Let them end "
                "or cancel them, then remove it.",
                code="in_use",
            )
        target.secret = ""
        return target_transition(actor=actor, target=target, to=State.REMOVED)


def _locked(actor: Actor, target_id: uuid.UUID) -> ComputeTarget:
    target_get(actor, target_id)
    require_targets_manage(actor)
    return target_lock(target_id)


def people_tell(target: ComputeTarget, *, title: str, text: str, event: str) -> None:
    """Tell who manages targets once of an event; an installation without a team has nobody to tell."""
    team = accounts.team_list(Actor.system("compute")).first()
    if team is None:
        return
    notice_send(
        users=accounts.site_people_with_verb("target.manage"),
        team_id=team.pk,
        kind="target",
        title=title,
        text=text,
        url=reverse("compute-detail", args=[target.pk]),
        dedupe=f"target:{target.pk}:{event}",
    )
