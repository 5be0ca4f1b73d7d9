"""Celery tasks."""

from __future__ import annotations

from celery import shared_task

from apps.schedules import services


@shared_task(name="apps.schedules.tasks.schedules_tick")
def schedules_tick() -> None:
    """Note what is due and what has changed, and launch it."""
    services.schedules_tick()
