"""The board of queues: what runs on a target and why, what waits in which order, and how teams share it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from apps.accounts.selectors import team_list
from apps.compute.contracts import Use
from apps.compute.selectors import standing, target_list
from apps.core.actors import Actor
from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import Job, JobAttempt
from apps.jobs.order import NOTHING
from apps.jobs.selectors.jobs import use_by_target
from apps.jobs.selectors.queues import Line, line_of

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

SHOWN = 50
"""Waiting jobs that the board lists."""


@dataclass(frozen=True, slots=True)
class BoardJob:
    """A job on the board. `job` is None for one of a team that the viewer does not see: its place is told, not more.

    `moment`: when it is expected to end (running) or to start (waiting); None: not known.
    """

    job: Job | None
    team: str
    priority: str
    position: int | None
    since: datetime | None
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class ShareRow:
    """How a team shares a target: of what all used lately, of the running and of the waiting jobs."""

    team: str
    share: float
    weight: float
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Board:
    """One target's queue; `waiting` are at most the first 50 that fit the filter, of `line.waiting`."""

    target: ComputeTarget
    standing: str
    line: Line
    running: list[BoardJob]
    waiting: list[BoardJob]
    shares: list[ShareRow]


@dataclass(frozen=True, slots=True)
class Queue:
    """A target with how much of it is in use."""

    target: ComputeTarget
    use: Use


def queue_list(actor: Actor) -> list[Queue]:
    """Targets that the actor may use or manages, this machine first, then by name."""
    targets = list(target_list(actor).order_by("-builtin", "name", "id")[:200])
    used = use_by_target([one.pk for one in targets])
    return [Queue(one, used.get(one.pk, Use())) for one in targets]


def board_of(actor: Actor, target: ComputeTarget, *, team_id: uuid.UUID | None = None) -> Board:
    """What runs and waits on a target that the actor may see; with a team, its jobs alone.

    Titles, people and links are told of jobs of the actor's own teams only.
    """
    line = line_of(target)
    attempts = JobAttempt.objects.filter(job__target=target, state__in=LIVE_ATTEMPTS).order_by("id")
    going = dict(attempts.values_list("job_id", "started_at"))
    starts = dict(zip((one.id for one in line.order), line.starts, strict=True))
    listed = [one for one in line.order if team_id is None or one.team == team_id][:SHOWN]
    wanted = [*going, *(one.id for one in listed)]
    jobs = {job.pk: job for job in Job.objects.filter(pk__in=wanted).defer("spec", "files", "result")}
    names = dict(team_list(actor).values_list("pk", "name"))
    place = {one.id: number for number, one in enumerate(line.order, 1)}

    def told(job: Job, moment: datetime | None, since: datetime | None) -> BoardJob:
        mine = job.team_id in names
        return BoardJob(
            job if mine else None,
            names.get(job.team_id, "another team"),
            job.get_priority_display(),
            place.get(job.pk),
            since,
            moment,
        )

    now = timezone.now()
    running = []
    for pk, start in going.items():
        job = jobs.get(pk)
        if job is None or (team_id is not None and job.team_id != team_id):
            continue
        takes = line.runs.of(job.signature)
        end = max(start + timedelta(seconds=takes), now) if start is not None and takes is not None else None
        running.append(told(job, end, start))
    waiting = [told(jobs[one.id], starts[one.id], jobs[one.id].queued_at) for one in listed if one.id in jobs]
    shares = _shares(line, [jobs[pk].team_id for pk in going if pk in jobs], names)
    return Board(target, standing(target), line, running, waiting, shares)


def _shares(line: Line, running: list[uuid.UUID], names: dict[uuid.UUID, str]) -> list[ShareRow]:
    """By team, the one that used most first; teams that the viewer does not see are one row."""
    queued = [one.team for one in line.order]
    teams = {*running, *queued}
    loads = {team_id: line.loads.get(team_id, NOTHING) for team_id in teams}
    total = sum(load.used for load in loads.values()) or 1.0
    rows: dict[str, list[float]] = {}
    for team_id in teams:
        row = rows.setdefault(names.get(team_id, "other teams"), [0.0, 0.0, 0, 0])
        row[0] += loads[team_id].used / total
        row[1] = max(row[1], loads[team_id].weight)
        row[2] += running.count(team_id)
        row[3] += queued.count(team_id)
    found = [ShareRow(name, row[0], row[1], int(row[2]), int(row[3])) for name, row in rows.items()]
    return sorted(found, key=lambda one: (-one.share, one.team))
