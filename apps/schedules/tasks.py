"""Celery tasks."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.schedules import services


@shared_task(name="apps.schedules.tasks.schedule_look")
def schedule_look(schedule_id: str) -> None:
    """Ask a git repository which commit the branch of a schedule is at."""
    services.schedule_look(uuid.UUID(schedule_id))


@shared_task(name="apps.schedules.tasks.schedules_tick")
def schedules_tick() -> None:
    """Note what is due and what has changed, and launch it."""
    services.schedules_tick()
