"""The queue of a target: what is next in it, and what teams have used of it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import FloatField, Sum, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from apps.jobs.models import Job, JobAttempt, TargetUse
from apps.jobs.order import HALF_LIFE, START_CHARGE, Load, Waiting, faded, next_of
from apps.jobs.services.transitions import job_lock

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

LIVE = (JobAttempt.State.LEASED, JobAttempt.State.RUNNING)

# From one team and priority to the next by the index jobs_queue: as many steps as there are pairs, not as jobs.
_HEADS = """
WITH RECURSIVE heads AS (
  (SELECT team_id, priority, queued_at, id FROM jobs_job
    WHERE state = 'QUEUED' AND target_id = %(target)s
    ORDER BY team_id, priority, queued_at, id LIMIT 1)
  UNION ALL
  SELECT found.* FROM heads CROSS JOIN LATERAL (
    SELECT team_id, priority, queued_at, id FROM jobs_job
    WHERE state = 'QUEUED' AND target_id = %(target)s
      AND (team_id, priority) > (heads.team_id, heads.priority)
    ORDER BY team_id, priority, queued_at, id LIMIT 1) found
)
SELECT id, team_id, priority, extract(epoch FROM queued_at)::float FROM heads
"""
_CHARGE = f"""
INSERT INTO jobs_targetuse AS held (target_id, team_id, seconds, at) VALUES (%s, %s, %s, %s)
ON CONFLICT (target_id, team_id) DO UPDATE SET
  seconds = held.seconds * power(0.5, greatest(0, extract(epoch FROM excluded.at - held.at)) / {HALF_LIFE})
    + excluded.seconds,
  at = greatest(held.at, excluded.at)
"""  # noqa: S608 - a number of ours


def queue_heads(target_id: uuid.UUID) -> list[Waiting]:
    """The oldest queued job of each team and priority of a target."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, {"target": target_id})
        return [Waiting(pk, team, priority, queued) for pk, team, priority, queued in cursor.fetchall()]


def loads_of(target_id: uuid.UUID, team_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Load]:
    """What each of these teams has used of a target until now: ended attempts, the old ones faded, and running ones."""
    now = timezone.now()
    used = dict.fromkeys(team_ids, 0.0)
    held = TargetUse.objects.filter(target_id=target_id, team_id__in=team_ids)
    for team_id, seconds, at in held.values_list("team_id", "seconds", "at"):
        used[team_id] += faded(seconds, (now - at).total_seconds())
    least = Value(START_CHARGE, output_field=FloatField())
    live = JobAttempt.objects.filter(state__in=LIVE, job__target_id=target_id, job__team_id__in=team_ids)
    cost = Sum(Greatest(Coalesce("cpu_seconds", 0.0), least))
    for team_id, seconds in live.order_by().values_list("job__team_id").annotate(cost=cost):
        used[team_id] += seconds
    return {team_id: Load(seconds) for team_id, seconds in used.items()}


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
