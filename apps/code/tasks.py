"""Celery tasks of the room."""

from __future__ import annotations

from celery import shared_task

from apps.code import services


@shared_task(name="apps.code.tasks.environments_sweep")
def environments_sweep() -> None:
    """Remove environments that nobody has used for long, and what is left of removed ones on this machine."""
    services.environments_collect()
    services.places_sweep()
