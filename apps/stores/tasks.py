"""Celery tasks: ids in, one call."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.core.broker import task_send_now
from apps.stores import services


@shared_task(name="apps.stores.tasks.store_test_run")
def store_test_run(test_id: str) -> None:
    """Take the steps of a test."""
    services.test_run(test_id=uuid.UUID(test_id))


@shared_task(name="apps.stores.tasks.store_move_run")
def store_move_run(move_id: str) -> None:
    """Go on with a move for a while."""
    services.move_run(move_id=uuid.UUID(move_id))


@shared_task(name="apps.stores.tasks.store_check")
def store_check(backend_id: str) -> None:
    """Ask one store whether it answers."""
    services.backend_check(uuid.UUID(backend_id))


@shared_task(name="apps.stores.tasks.stores_sweep")
def stores_sweep() -> None:
    """Have every store asked, each by a task of its own; take up moves that nobody has; note the day's use."""
    services.tests_abandon()
    services.days_note()
    for move_id in services.moves_due():
        task_send_now("apps.stores.tasks.store_move_run", move_id)
    for backend_id in services.backends_due():
        task_send_now("apps.stores.tasks.store_check", backend_id)
