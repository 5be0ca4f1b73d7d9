"""Reading jobs: always limited to what the actor may see."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import Count, Q, QuerySet

from apps.compute.contracts import Use
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.jobs.contracts import OPEN_STATES
from apps.jobs.models import Job, JobAttempt, JobEvent


def job_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    state: str = "",
    kind: str = "",
    problem_id: uuid.UUID | None = None,
) -> QuerySet[Job]:
    """Jobs without their specs; the caller sorts."""
    rows = Job.objects.visible_to(actor).defer("spec", "files", "result")
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    if state:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(kind=kind)
    if problem_id is not None:
        rows = rows.filter(problem_id=problem_id)
    return rows


def job_get(actor: Actor, pk: uuid.UUID) -> Job:
    """One job with its target. Raises NotFound."""
    job: Job | None = Job.objects.visible_to(actor).select_related("target").filter(pk=pk).first()
    if job is None:
        raise NotFound("There is no such job, or you may not see it.")
    return job


def attempt_list(job: Job) -> list[JobAttempt]:
    """The attempts of a job that the caller may see, oldest first, without their results."""
    if job.attempt_number == 0:
        return []
    return list(job.attempts.defer("result", "outputs").order_by("number"))


def attempt_result(job_id: uuid.UUID) -> dict[str, Any] | None:
    """What the newest attempt of a job has posted until now; None without an attempt or when it posted nothing."""
    rows = JobAttempt.objects.filter(job_id=job_id).order_by("-number")
    found: dict[str, Any] | None = rows.values_list("result", flat=True).first()
    return found


def running_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[Job]:
    """Jobs that wait or run now."""
    return job_list(actor, team_id=team_id).filter(state__in=OPEN_STATES)


def running_count(actor: Actor, team_id: uuid.UUID | None = None) -> int:
    """How many jobs wait or run now."""
    return running_list(actor, team_id).count()


def use_by_target(target_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Use]:
    """Jobs of each target now; see `apps.compute.contracts.use_register`."""
    rows = Job.objects.filter(target_id__in=target_ids, state__in=OPEN_STATES).values("target_id")
    waiting = Count("pk", filter=Q(state=Job.State.QUEUED))
    return {
        row["target_id"]: Use(running=row["all"] - row["waiting"], waiting=row["waiting"])
        for row in rows.annotate(all=Count("pk"), waiting=waiting)
    }


def waiting_oldest() -> tuple[int, Job | None]:
    """How many jobs wait on the whole installation, and the one that waits longest, with its target."""
    queued = Job.objects.filter(state=Job.State.QUEUED)
    oldest = queued.select_related("target").order_by("queued_at", "id").first()
    return (queued.count() if oldest else 0), oldest


def event_list(job: Job, *, after: int = 0) -> QuerySet[JobEvent]:
    """Events after a seq, oldest first."""
    return JobEvent.objects.filter(job=job, seq__gt=after).order_by("seq")


def usage_recent(job: Job, *, count: int = 60) -> list[dict[str, Any]]:
    """The last readings of the newest attempt, oldest first: {"cpu", "memory", "cpu_seconds"}."""
    if job.attempt_number == 0:
        return []
    rows = JobEvent.objects.filter(job=job, kind="usage", attempt=job.attempt_number).order_by("-seq")
    return [row.data for row in reversed(rows[:count])]
