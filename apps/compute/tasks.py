"""Celery tasks: ids in, one call."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.compute import services
from apps.core.broker import task_send_now


@shared_task(name="apps.compute.tasks.target_test_run")
def target_test_run(test_id: str) -> None:
    """Take the steps of a test."""
    services.test_run(test_id=uuid.UUID(test_id))


@shared_task(name="apps.compute.tasks.target_check")
def target_check(target_id: str) -> None:
    """Ask one target whether it answers."""
    services.target_check(uuid.UUID(target_id))


@shared_task(name="apps.compute.tasks.targets_check")
def targets_check() -> None:
    """Have every target asked, each by a task of its own: one that is slow to answer holds up no other."""
    services.tests_abandon()
    for target_id in services.targets_due():
        task_send_now("apps.compute.tasks.target_check", target_id)
