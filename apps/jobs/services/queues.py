"""Taking what is next in the queue of a target, and charging teams for what they used."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from apps.jobs.models import Job, JobAttempt
from apps.jobs.order import HALF_LIFE, START_CHARGE, next_of
from apps.jobs.selectors.queues import loads_of, queue_heads
from apps.jobs.services.transitions import job_lock

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

_CHARGE = f"""
INSERT INTO jobs_targetuse AS held (target_id, team_id, seconds, at) VALUES (%s, %s, %s, %s)
ON CONFLICT (target_id, team_id) DO UPDATE SET
  seconds = held.seconds * power(0.5, greatest(0, extract(epoch FROM excluded.at - held.at)) / {HALF_LIFE})
    + excluded.seconds,
  at = greatest(held.at, excluded.at)
"""  # noqa: S608 - a number of ours


def queue_next(target_id: uuid.UUID) -> uuid.UUID | None:
    """The job that starts next on a target; None when none waits that may start."""
    heads = queue_heads(target_id)
    if not heads:
        return None
    loads = loads_of(target_id, {job.team for job in heads})
    found = next_of(heads, loads, timezone.now().timestamp())
    return found.id if found is not None else None


def queue_take(target: ComputeTarget) -> Job | None:
    """The next job of a target, locked; whoever calls holds the target's place for it."""
    if target.builtin:
        # Jobs from before there were targets run on this machine.
        Job.objects.filter(state=Job.State.QUEUED, target__isnull=True).update(target=target)
    while True:
        job_id = queue_next(target.pk)
        if job_id is None:
            return None
        job = job_lock(job_id)
        if job.state == Job.State.QUEUED:
            return job
        # Another machine, or a cancel, was faster: what is read next no longer has it.


def use_charge(job: Job, attempt: JobAttempt) -> None:
    """In the transaction that ends an attempt: its team has used the target, by its CPU-seconds."""
    if job.target_id is None:
        return
    cost = max(START_CHARGE, attempt.cpu_seconds or 0.0)
    with connection.cursor() as cursor:
        cursor.execute(_CHARGE, [job.target_id, job.team_id, cost, timezone.now()])
