"""Celery tasks: ids in, one call."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.core.broker import task_send_now
from apps.sweeps import services


@shared_task(name="apps.sweeps.tasks.sweep_drive")
def sweep_drive(sweep_id: str) -> None:
    """Take one sweep as far as it goes now."""
    services.sweep_drive(uuid.UUID(sweep_id))


@shared_task(name="apps.sweeps.tasks.sweeps_drive")
def sweeps_drive() -> None:
    """Drive every running sweep, each by a task of its own, so that none waits for another's sampler."""
    for sweep_id in services.sweeps_running():
        task_send_now("apps.sweeps.tasks.sweep_drive", sweep_id)
