"""Reading jobs: always limited to what the actor may see."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.compute.contracts import Use
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.jobs.contracts import OPEN_STATES
from apps.jobs.models import Job, JobAttempt, JobEvent, LogChunk, Pulse, Worker

REPLAY_ROWS = 200


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
    return list(job.attempts.defer("result", "outputs").order_by("number"))


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


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a job's log: its number in the job, the attempt, seconds since that began, text."""

    number: int
    attempt: int
    at: float
    text: str


def log_lines(job: Job, *, after: int = 0, limit: int | None = None) -> Iterator[LogLine]:
    """Lines with a number above `after`, oldest first; read chunk by chunk, so memory stays flat."""
    given = 0
    chunks = LogChunk.objects.filter(job=job).order_by("seq")
    if after:
        first = chunks.filter(first_line__lte=after + 1).order_by("-seq").values_list("seq", flat=True).first()
        chunks = chunks.filter(seq__gte=first or 0)
    for chunk in chunks.iterator(chunk_size=50):
        for index, (at, text) in enumerate(chunk.lines):
            number = chunk.first_line + index
            if number <= after:
                continue
            if limit is not None and given >= limit:
                return
            given += 1
            yield LogLine(number, chunk.attempt, at, text)


def log_tail(job: Job, count: int) -> list[LogLine]:
    """About the last `count` lines (whole chunks up to twice that)."""
    return list(log_lines(job, after=max(0, job.line_count - count), limit=count))


def log_find(job: Job, text: str, *, limit: int = 200) -> list[LogLine]:
    """Lines that contain `text`, case ignored, found by the database chunk by chunk."""
    needle = text.casefold()
    found: list[LogLine] = []
    for chunk in LogChunk.objects.filter(job=job, lines__icontains=_json_text(text)).order_by("seq").iterator(50):
        for index, (at, line) in enumerate(chunk.lines):
            if needle in str(line).casefold():
                found.append(LogLine(chunk.first_line + index, chunk.attempt, at, line))
                if len(found) >= limit:
                    return found
    return found


def _json_text(text: str) -> str:
    """How PostgreSQL writes a text inside JSON."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def event_list(job: Job, *, after: int = 0) -> QuerySet[JobEvent]:
    """Events after a seq, oldest first."""
    return JobEvent.objects.filter(job=job, seq__gt=after).order_by("seq")


def usage_recent(job: Job, *, count: int = 60) -> list[dict[str, Any]]:
    """The last readings of the newest attempt, oldest first: {"cpu", "memory", "cpu_seconds"}."""
    rows = JobEvent.objects.filter(job=job, kind="usage", attempt=job.attempt_number).order_by("-seq")
    return [row.data for row in reversed(rows[:count])]


def job_replay(job_id: uuid.UUID, after: int, *, limit: int = REPLAY_ROWS) -> tuple[int, list[dict[str, Any]]]:
    """Chunks and events of a job in its one sequence, at most `limit`; see `apps.core.topics.Topic.replay`."""
    events = list(
        JobEvent.objects.filter(job_id=job_id, seq__gt=after)
        .order_by("seq")
        .values_list("seq", "attempt", "at", "kind", "data")[:limit]
    )
    chunks = list(
        LogChunk.objects.filter(job_id=job_id, seq__gt=after)
        .order_by("seq")
        .values_list("seq", "attempt", "at", "first_line", "lines")[:limit]
    )
    rows: list[dict[str, Any]] = [
        {"seq": seq, "attempt": attempt, "at": _iso(at), "kind": kind, "data": data}
        for seq, attempt, at, kind, data in events
    ]
    rows += [
        {"seq": seq, "attempt": attempt, "at": _iso(at), "kind": "log", "first_line": first, "lines": lines}
        for seq, attempt, at, first, lines in chunks
    ]
    rows = sorted(rows, key=lambda row: int(row["seq"]))[:limit]
    return (rows[-1]["seq"] if rows else after), rows


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker with the jobs that it holds now; `lives` when it said so lately."""

    worker: Worker
    lives: bool
    holds: list[Job]


def worker_list() -> list[WorkerView]:
    """Workers that live, and those that are gone and still hold something or were seen within ten minutes."""
    now = timezone.now()
    recent, lately = now - timedelta(minutes=10), now - timedelta(seconds=3 * settings.JOB_HEARTBEAT_SECONDS)
    live = [JobAttempt.State.LEASED, JobAttempt.State.RUNNING]
    held: dict[str, list[Job]] = {}
    for attempt in JobAttempt.objects.filter(state__in=live).select_related("job").order_by("id"):
        held.setdefault(attempt.worker, []).append(attempt.job)
    rows = Worker.objects.filter(Q(seen_at__gte=recent) | Q(name__in=list(held))).order_by("name")
    return [WorkerView(row, row.seen_at >= lately, held.get(row.name, [])) for row in rows]


def beat_at() -> datetime | None:
    """When a task of beat's last ran."""
    return Pulse.objects.filter(name="beat").values_list("at", flat=True).first()


def waiting_oldest() -> tuple[int, Job | None]:
    """How many jobs wait on the whole installation, and the one that waits longest, with its target."""
    queued = Job.objects.filter(state=Job.State.QUEUED)
    oldest = queued.select_related("target").order_by("queued_at", "id").first()
    return (queued.count() if oldest else 0), oldest
