"""What a beat task repairs: attempts whose watcher is gone, jobs that nobody heard of, directories left behind."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from apps.compute.selectors import accepts
from apps.core.broker import task_send_now
from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import Job, JobAttempt
from apps.jobs.services.attempts import slots_free, target_of, worker_gone
from apps.jobs.services.queueing import RUN_TASK

CLOCKS_APART = timedelta(minutes=1)
"""How far the clocks of two machines may differ."""
WATCH_TASK = "apps.jobs.tasks.job_watch"


def attempts_orphaned() -> list[JobAttempt]:
    """Live attempts without a watcher: the heartbeat is stale, or the worker was on this machine and is gone.

    A heartbeat of the future was given before the clock was set back and says nothing; to be taken over harms no job.
    """
    now = timezone.now()
    stale = now - timedelta(seconds=settings.JOB_HEARTBEAT_SECONDS * 3)
    rows = JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS).only("pk", "worker", "heartbeat_at", "lease_token")
    ahead = now + CLOCKS_APART
    return [
        row
        for row in rows
        if row.heartbeat_at is None or not stale <= row.heartbeat_at <= ahead or worker_gone(row.worker)
    ]


def attempts_reap() -> int:
    """Ask a worker to take over each orphaned attempt; returns how many.

    Who takes over finds out whether the child still runs: then it goes on watching, else it ends the attempt as lost
    and the job gets its next one.
    """
    orphans = attempts_orphaned()
    for attempt in orphans:
        task_send_now(WATCH_TASK, attempt.pk, attempt.lease_token)
    return len(orphans)


def jobs_offer() -> int:
    """Offer the queues of targets with free places again (a lost message, a full machine); returns how many jobs.

    Target by target: jobs that wait for one that is full or away hold up none of another's. Which job of a queue starts
    is for who takes it (`attempt_claim`).
    """
    now = timezone.now()
    # A moment is left to the message of the launch; one of the future was given before the clock was set back.
    unheard = Q(queued_at__lt=now - timedelta(seconds=2)) | Q(queued_at__gt=now)
    queued = Job.objects.filter(unheard, state=Job.State.QUEUED)
    offered = 0
    for target_id in queued.order_by().values_list("target_id", flat=True).distinct():
        rows = queued.filter(target_id=target_id).select_related("target")
        first = next(iter(rows[:1]), None)
        if first is None:
            continue
        target = target_of(first)
        free = slots_free(target) if accepts(target) else 0
        if not free and accepts(target):
            # It may take the place of another: see `preempt_ask`.
            rows, free = rows.filter(priority=Job.Priority.HIGH), 1
        for job_id in list(rows.values_list("pk", flat=True)[:free]):
            task_send_now(RUN_TASK, job_id)
            offered += 1
    return offered


def directory_remove(path: str) -> None:
    """Remove an ended attempt's directory, if it is one of ours."""
    root = (Path(settings.FAIRWAY_HOME) / "jobs").resolve()
    directory = Path(path).resolve()
    if directory.is_relative_to(root) and directory != root:
        shutil.rmtree(directory, ignore_errors=True)
        if directory.parent != root and directory.parent.is_dir() and not any(directory.parent.iterdir()):
            directory.parent.rmdir()


def directories_sweep() -> int:
    """Remove directories of attempts that ended a while ago (a worker died before it could); returns how many."""
    root = Path(settings.FAIRWAY_HOME) / "jobs"
    if not root.is_dir():
        return 0
    live = set(JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS).values_list("handle", flat=True))
    old = timezone.now().timestamp() - 3600
    removed = 0
    for directory in root.glob("*/*"):
        if str(directory) not in live and directory.stat().st_mtime < old:
            directory_remove(str(directory))
            removed += 1
    return removed
