"""The queue of a target: what is next in it, where a job stands, when it is expected to start, and why it waits."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.models import F, FloatField, Q, Sum, Value, Window
from django.db.models.functions import Coalesce, Greatest, RowNumber
from django.utils import timezone

from apps.compute.selectors import accepts, standing, target_local
from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import Job, JobAttempt
from apps.jobs.order import START_CHARGE, Load, Waiting, class_of, faded, left_of, order_of, starts_of
from apps.jobs.selectors.quotas import RAISE, running_of

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

LOOKED = 1000
"""Waiting jobs that are looked at, as many of each team and priority."""
ORDERED = 200
"""Waiting jobs that are put in order; whoever stands behind them is told that so many are before."""
PAST = 500
"""Ended jobs of a target from which it is learnt how long the jobs in its queue take."""

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


def places_of(target: ComputeTarget) -> int:
    """How many jobs a target runs at once."""
    return int(target.slots or settings.JOB_SLOTS)


def queue_heads(target_id: uuid.UUID) -> list[Waiting]:
    """The oldest queued job of each team and priority of a target."""
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, {"target": target_id})
        return [Waiting(pk, team, priority, queued) for pk, team, priority, queued in cursor.fetchall()]


def loads_of(target_id: uuid.UUID, team_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Load]:
    """What each of these teams has used of a target until now: ended attempts, the old ones faded, and running ones."""
    least = Value(START_CHARGE, output_field=FloatField())
    live = JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS, job__target_id=target_id, job__team_id__in=team_ids)
    cost = Sum(Greatest(Coalesce("cpu_seconds", 0.0), least))
    return _loads(target_id, team_ids, dict(live.order_by().values_list("job__team_id").annotate(cost=cost)))


_HELD = """
SELECT team.id, held.seconds, held.at, quota.weight, quota.jobs_at_once
FROM unnest(%s::uuid[]) AS team(id)
LEFT JOIN jobs_targetuse held ON held.team_id = team.id AND held.target_id = %s
LEFT JOIN jobs_teamquota quota ON quota.team_id = team.id
"""


def _loads(
    target_id: uuid.UUID, team_ids: Collection[uuid.UUID], running: Mapping[uuid.UUID, float]
) -> dict[uuid.UUID, Load]:
    """As `loads_of`; `running` is what their running attempts have used until now, in CPU-seconds."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [list(team_ids), target_id])
        rows = cursor.fetchall()
    limited = [pk for pk, _, _, _, most in rows if most is not None]
    busy = running_of(limited) if limited else {}
    return {
        pk: Load(
            (faded(seconds, (now - at).total_seconds()) if at is not None else 0.0) + running.get(pk, 0.0),
            weight=float(weight or 1),
            free=most - busy[pk] if most is not None else None,
        )
        for pk, seconds, at, weight, most in rows
    }


@dataclass(frozen=True, slots=True)
class Runs:
    """How long jobs of a target took lately, in seconds: the median by signature, and of all; None without any."""

    by_signature: dict[str, float] = field(default_factory=dict)
    all: float | None = None

    def of(self, signature: str) -> float | None:
        return self.by_signature.get(signature, self.all)


def runs_of(target_id: uuid.UUID) -> Runs:
    """Learnt from the newest jobs that ended well there."""
    rows = Job.objects.filter(target_id=target_id, state=Job.State.SUCCEEDED, started_at__isnull=False)
    taken: dict[str, list[float]] = {}
    for signature, start, end in rows.order_by("-id").values_list("signature", "started_at", "ended_at")[:PAST]:
        taken.setdefault(signature, []).append(max(0.0, (end - start).total_seconds()))
    every = [one for values in taken.values() for one in values]
    return Runs({name: median(values) for name, values in taken.items()}, median(every) if every else None)


@dataclass(frozen=True, slots=True)
class Line:
    """The queue of a target as it stands: jobs in the order in which they start, with the moments expected.

    `waiting` counts all of them, `order` may be shorter. A moment is None where nothing is known of what runs before.
    """

    target: ComputeTarget
    waiting: int
    running: int
    order: list[Waiting]
    starts: list[datetime | None]
    loads: dict[uuid.UUID, Load]
    runs: Runs
    at: datetime

    @property
    def places(self) -> int:
        return places_of(self.target)

    @property
    def free(self) -> int:
        return max(0, self.places - self.running)

    def place_of(self, job_id: uuid.UUID) -> int | None:
        """The number of a job in the queue, from 1; None for one that is not among the first."""
        return next((number for number, one in enumerate(self.order, 1) if one.id == job_id), None)


def line_of(target: ComputeTarget, *, fresh: Waiting | None = None) -> Line:
    """The queue of a target, with one job more when `fresh` is given; the first 200 are put in order."""
    now = timezone.now()
    queued = Job.objects.filter(state=Job.State.QUEUED, target_id=target.pk)
    number = Window(RowNumber(), partition_by=[F("team_id"), F("priority")], order_by=["queued_at", "id"])
    numbered = queued.annotate(place=number).order_by("place")
    fields = ("pk", "team_id", "priority", "queued_at", "signature", "place")
    rows = list(numbered.values_list(*fields)[:LOOKED])
    # Of each team and priority all are here up to this one.
    each = rows[-1][5] - 1 if len(rows) >= LOOKED else None
    waiting = queued.count() if each is not None else len(rows)
    live = list(
        JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS)
        .filter(Q(job__target_id=target.pk) | (Q(job__target__isnull=True) if target.builtin else Q(pk__in=[])))
        .values_list("job__signature", "started_at", "job__team_id", "cpu_seconds")
    )
    others = len(rows)
    runs = runs_of(target.pk) if others or live else Runs()
    signatures = {row[0]: row[4] for row in rows}
    jobs = [
        Waiting(pk, team_id, priority, (at or now).timestamp(), runs.of(signature) or START_CHARGE)
        for pk, team_id, priority, at, signature, _ in rows
    ]
    if fresh is not None:
        jobs.append(fresh)
    going: dict[uuid.UUID, float] = {}
    for _, _, team_id, used in live:
        going[team_id] = going.get(team_id, 0.0) + max(START_CHARGE, used or 0.0)
    teams = {*going, *(one.team for one in jobs)}
    loads = _loads(target.pk, teams, going) if others or live else {}
    order = _certain(order_of(jobs, loads, now.timestamp(), most=ORDERED), each)
    left = [
        left_of(runs.of(name) or 0.0, max(0.0, (now - start).total_seconds()) if start else 0.0)
        for name, start, _, _ in live
    ]
    durations = [runs.of(signatures.get(one.id, "")) or 0.0 for one in order]
    starts: list[datetime | None]
    if accepts(target) and runs.all is not None:
        starts = [now + timedelta(seconds=after) for after in starts_of(durations, left, places_of(target))]
    else:
        free = places_of(target) - len(live) if accepts(target) else 0
        starts = [now if number < free else None for number in range(len(order))]
    return Line(target, waiting, len(live), order, starts, loads, runs, now)


def _certain(order: list[Waiting], each: int | None) -> list[Waiting]:
    """The beginning of an order that was made from `each` jobs of each team and priority (None: all of them): until one
    may have more.
    """
    if each is None:
        return order
    seen: dict[tuple[uuid.UUID, int], int] = {}
    for number, one in enumerate(order, 1):
        pair = (one.team, one.priority)
        seen[pair] = seen.get(pair, 0) + 1
        if seen[pair] >= each:
            return order[:number]
    return order


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a waiting job stands: its number in the queue (None: not among the first), of how many, when it is
    expected to start (None: not known), and why it waits, in one sentence.
    """

    position: int | None
    waiting: int
    start: datetime | None
    why: str


def standing_of(job: Job) -> Standing | None:
    """Where a job stands that the caller may see; None when it does not wait."""
    if job.state == Job.State.PENDING:
        return Standing(None, 0, None, job.progress_text or "Waits for another job.")
    if job.state != Job.State.QUEUED:
        return None
    line = line_of(job.target or target_local())
    place = line.place_of(job.pk)
    start = line.starts[place - 1] if place else None
    return Standing(place, line.waiting, start, standing(line.target) or _why(job, line, place))


def _why(job: Job, line: Line, place: int | None) -> str:
    name = line.target.name
    if place is None:
        return f"More than {len(line.order)} of the {line.waiting} jobs in the queue of {name} start before it."
    free = line.loads[job.team_id].free if job.team_id in line.loads else None
    if free is not None and free <= 0:
        team = job.team.name
        return f"Team {team} runs as many jobs at once as its quota lets it; this waits for one to end. {RAISE}"
    if place <= line.free:
        return "Waits for a free worker."
    full = f"all {line.places} places of {name} are taken" if line.places > 1 else f"the one place of {name} is taken"
    if place == 1:
        return f"Is next: {full}, it starts when a job ends."
    me = line.order[place - 1]
    return f"Number {place} of {line.waiting}: {full}, and {_before(me, line.order[: place - 1], line)} before it."


def _before(me: Waiting, ahead: Iterable[Waiting], line: Line) -> str:
    """Which jobs start before one, and why."""
    now = line.at.timestamp()
    mine = class_of(me.priority, now - me.queued)
    counts = {
        "of a higher priority": 0,
        "older of the same team": 0,
        "of teams that had less or wait longer": 0,
    }
    for other in ahead:
        if class_of(other.priority, now - other.queued) > mine:
            counts["of a higher priority"] += 1
        elif other.team == me.team:
            counts["older of the same team"] += 1
        else:
            counts["of teams that had less or wait longer"] += 1
    told = [f"{count} {words}" for words, count in counts.items() if count]
    total = sum(counts.values())
    verb = "starts" if total == 1 else "start"
    return f"{' and '.join(told)} {verb}"
