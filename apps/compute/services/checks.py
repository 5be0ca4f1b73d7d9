"""What beat asks of every target: does it still answer?"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.services.executors import executor_of
from apps.compute.services.states import people_tell, target_lock, target_transition
from apps.core.actors import Actor
from workers.executors.base import ExecutorError, Health

State = ComputeTarget.State
FAILURES = 2
"""So many checks in a row fail before a target counts as degraded: one lost packet is no finding."""
ABANDONED = timedelta(minutes=5)


def targets_due() -> list[uuid.UUID]:
    """Targets that are asked now: those that take jobs, or would if they answered."""
    return list(ComputeTarget.objects.filter(state__in=[State.HEALTHY, State.DEGRADED]).values_list("pk", flat=True))


def target_check(target_id: uuid.UUID) -> ComputeTarget | None:
    """Ask a target and note what it says: degraded after two failures in a row, healthy again when it answers.

    People are told once of each change. None when there is nothing to ask.
    """
    asked = ComputeTarget.objects.filter(pk=target_id, state__in=[State.HEALTHY, State.DEGRADED]).first()
    if asked is None:
        return None
    try:
        found: Health | ExecutorError = executor_of(asked).health()
    except ExecutorError as error:
        found = error
    with transaction.atomic():
        target = target_lock(target_id)
        # What was changed meanwhile was not asked.
        if (target.state, target.address, target.secret) != (asked.state, asked.address, asked.secret):
            return target
        target.checked_at = timezone.now()
        if isinstance(found, ExecutorError):
            return _failed(target, str(found))
        return _answered(target, found)


def _failed(target: ComputeTarget, why: str) -> ComputeTarget:
    target.failures += 1
    if target.state == State.DEGRADED or target.failures < FAILURES:
        target.save(update_fields=["checked_at", "failures"])
        return target
    target_transition(actor=Actor.system("compute"), target=target, to=State.DEGRADED, reason=why)
    people_tell(
        target,
        title=f"Compute target {target.name} is degraded",
        text=f"{why} It takes no new job until it answers; what runs on it is watched on.",
        event=f"degraded:{target.state_since.isoformat()}",
    )
    return target


def _answered(target: ComputeTarget, health: Health) -> ComputeTarget:
    target.failures, target.answered_at = 0, target.checked_at
    target.facts = {**target.facts, **health.facts, "warnings": list(health.warnings)}
    if target.state == State.HEALTHY or not (target.builtin or target.tested_at):
        # A target whose test failed answers checks, and takes jobs again only after a test that passes.
        target.save(update_fields=["checked_at", "answered_at", "failures", "facts"])
        return target
    target_transition(actor=Actor.system("compute"), target=target, to=State.HEALTHY, reason="It answers again.")
    people_tell(
        target,
        title=f"Compute target {target.name} answers again",
        text="It takes jobs again.",
        event=f"healthy:{target.state_since.isoformat()}",
    )
    return target


def tests_abandon() -> int:
    """End tests whose worker is gone; returns how many."""
    old = timezone.now() - ABANDONED
    return TargetTest.objects.filter(state=TargetTest.State.RUNNING, updated_at__lt=old).update(
        state=TargetTest.State.FAILED,
        ended_at=timezone.now(),
        verdict="The worker that ran this test is gone. Nothing is known of the target; test it again.",
    )
