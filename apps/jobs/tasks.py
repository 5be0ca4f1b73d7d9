"""Celery tasks: ids in, one call."""

from __future__ import annotations

import uuid
from contextlib import suppress

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from apps.core.broker import task_send_now
from apps.jobs import services
from apps.jobs.heart import heart_start
from apps.jobs.running import attempt_resume, job_start


@shared_task(name="apps.jobs.tasks.job_run")
def job_run(job_id: str) -> None:
    """Run a queued job to its end; a message that comes twice finds nothing to do."""
    with suppress(services.LeaseLost):
        job_start(uuid.UUID(job_id))


@shared_task(name="apps.jobs.tasks.job_watch")
def job_watch(attempt_id: str, lease: str) -> None:
    """Take over the watch of an attempt whose worker is gone."""
    with suppress(services.LeaseLost):
        attempt_resume(uuid.UUID(attempt_id), uuid.UUID(lease))


@shared_task(name="apps.jobs.tasks.jobs_repair")
def jobs_repair() -> None:
    """Find attempts without a watcher and queued jobs that nobody heard of."""
    services.beat_note()
    services.attempts_reap()
    services.jobs_offer()


@shared_task(name="apps.jobs.tasks.directories_sweep")
def directories_sweep() -> None:
    """Remove what ended attempts left on disk."""
    services.directories_sweep()
    services.workers_forget()


@shared_task(name="apps.jobs.tasks.logs_retain")
def logs_retain() -> None:
    """Remove logs that are older than the rule of this installation."""
    services.logs_retain(days=settings.JOB_LOG_DAYS)


@worker_ready.connect
def _repair_at_start(**kwargs: object) -> None:
    """A worker that comes back looks at once for what its predecessor left."""
    task_send_now("apps.jobs.tasks.jobs_repair")
    heart_start()
