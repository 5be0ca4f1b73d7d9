"""Forecasts from own history: what a job would wait, take, need and cost on each target, and how often that held."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from apps.accounts.selectors import team_list
from apps.compute.selectors import target_choices, target_local
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.ids import id_new
from apps.core.policies import require, who_can
from apps.jobs.contracts import PRIORITIES
from apps.jobs.forecasting import COVERS, MOST, Forecast, Past, band_of, basis_of, fitting, spread_of
from apps.jobs.models import Job, JobAttempt
from apps.jobs.order import Waiting
from apps.jobs.policies import can_run, verbs_of
from apps.jobs.selectors.queues import Line, line_of, places_of

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

SHOWN = 8
"""Targets for which a launch is forecast at once."""
MEASURED = 200
"""Newest jobs over which it is measured how often forecasts held."""

_PEAK = JobAttempt.objects.filter(job=OuterRef("pk"), number=OuterRef("attempt_number")).values("rss_peak_bytes")


def forecast_of(
    target: ComputeTarget, *, team_id: uuid.UUID, signature: str, size: int | None, priority: int, busy: int | None
) -> Forecast:
    """What a job of the team would take on a target: run and memory as jobs of its signature had, the wait as jobs of
    its priority had that found the target as busy. `busy` None: it waits for something else first, for unknown long.
    """
    alike = Job.objects.filter(
        team_id=team_id, signature=signature, target=target, state=Job.State.SUCCEEDED, started_at__isnull=False
    )
    rows = alike.order_by("-id").annotate(peak=Subquery(_PEAK[:1]))
    past = [
        Past(held, max(0.0, (end - start).total_seconds()), peak)
        for held, start, end, peak in rows.values_list("input_bytes", "started_at", "ended_at", "peak")[:MOST]
    ]
    kept, similar = fitting(past, size)
    run = spread_of(one.seconds for one in kept)
    price = target.price_minor
    return Forecast(
        wait=spread_of(_waits(target, priority, busy)) if busy is not None else None,
        run=run,
        memory=spread_of(float(one.memory) for one in kept if one.memory),
        cost=run.times(price / 3600) if run is not None and price is not None else None,
        currency=target.currency,
        basis=basis_of(len(kept), alike=similar, sized=size is not None),
    )


def _waits(target: ComputeTarget, priority: int, busy: int) -> list[float]:
    rows = Job.objects.filter(
        target=target, priority=priority, busy=busy, started_at__isnull=False, waits_for__isnull=True
    )
    found = rows.order_by("-id").values_list("created_at", "started_at")[:MOST]
    return [max(0.0, (start - made).total_seconds()) for made, start in found]


def busy_of(target: ComputeTarget) -> int:
    """How busy a target is now; see `forecasting.band_of`."""
    running = Job.objects.filter(target=target, state__in=(Job.State.STARTING, Job.State.RUNNING)).count()
    # More than that many are one band and its double, and need not be counted.
    waiting = Job.objects.filter(target=target, state=Job.State.QUEUED)[:4096].count()
    return band_of(places_of(target) - running, waiting)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a launch would meet on one target: its number in the queue, in how many seconds it is expected to start and
    to end; None where that is not known. The start is that of jobs which met the same or, of too few, by the queue.
    """

    target: ComputeTarget
    position: int | None
    waiting: int
    starts_in: float | None
    ends_in: float | None
    forecast: Forecast


def what_if(
    targets: Iterable[ComputeTarget], *, team_id: uuid.UUID, signature: str, size: int | None, priority: str = "normal"
) -> list[Choice]:
    """What a launch now would meet on each of these targets, which the caller may use."""
    choices = []
    level = PRIORITIES[priority]
    for target in targets:
        fresh = Waiting(id_new(), team_id, level, timezone.now().timestamp())
        line = line_of(target, fresh=fresh)
        busy = band_of(line.free, line.waiting)
        told = forecast_of(target, team_id=team_id, signature=signature, size=size, priority=level, busy=busy)
        choices.append(_choice(line, fresh, told))
    return choices


def forecast_choices(
    actor: Actor,
    *,
    team_id: uuid.UUID,
    kind: str,
    signature: str,
    size: int | None,
    priority: str = "normal",
    local: bool = False,
) -> list[Choice]:
    """`what_if` on the targets that a team may use now, this machine first (`local`: on this machine alone).

    Raises NotFound for a team that the actor does not see, and Forbidden for who may not launch there.
    """
    team = team_list(actor).filter(pk=team_id).first()
    if team is None:
        raise NotFound("There is no such team, or you may not see it.")
    require(
        can_run(actor, team_id, kind),
        f"A forecast is for who may launch in the team: {who_can(*verbs_of(kind))} has the right.",
    )
    targets = [target_local()] if local else target_choices(team_id)[:SHOWN]
    return what_if(targets, team_id=team_id, signature=signature, size=size, priority=priority)


def _choice(line: Line, fresh: Waiting, told: Forecast) -> Choice:
    place = line.place_of(fresh.id)
    start = line.starts[place - 1] if place else None
    starts_in = (start - line.at).total_seconds() if start is not None else None
    if told.wait is not None and told.wait.stated:
        starts_in = told.wait.mid
    ends_in = starts_in + told.run.mid if starts_in is not None and told.run is not None else None
    return Choice(line.target, place, line.waiting + 1, starts_in, ends_in, told)


@dataclass(frozen=True, slots=True)
class Held:
    """Of so many stated intervals so many held what then happened."""

    what: str
    hits: int
    n: int

    @property
    def share(self) -> float | None:
        return self.hits / self.n if self.n else None


def coverage(actor: Actor, *, last: int = MEASURED) -> list[Held]:
    """How often stated 80 % intervals held, over the newest jobs that the actor sees and that ended well."""
    rows = Job.objects.visible_to(actor).filter(
        state=Job.State.SUCCEEDED, forecast__isnull=False, started_at__isnull=False
    )
    found = rows.order_by("-id").annotate(peak=Subquery(_PEAK[:1]))
    values = found.values_list("forecast", "created_at", "started_at", "ended_at", "peak")[:last]
    return held_of(values)


Outcome = tuple[dict[str, Any], datetime, datetime, datetime, int | None]
"""(forecast, launched, started, ended, memory peak) of a job that ended well."""


def held_of(rows: Iterable[Outcome]) -> list[Held]:
    """How often the stated intervals of jobs held."""
    counts = {"wait": [0, 0], "run": [0, 0], "memory": [0, 0]}
    for told, made, start, end, peak in rows:
        forecast = Forecast.of_json(told)
        happened = {
            "wait": (forecast.wait, (start - made).total_seconds()),
            "run": (forecast.run, (end - start).total_seconds()),
            "memory": (forecast.memory, peak),
        }
        for what, (spread, value) in happened.items():
            if spread is not None and spread.stated and value is not None:
                counts[what][0] += spread.holds(value)
                counts[what][1] += 1
    return [Held(what, hits, n) for what, (hits, n) in counts.items()]


def coverage_words(held: Sequence[Held]) -> str:
    """The measured coverage of run times as a sentence; says so while there is nothing to measure."""
    run = next(one for one in held if one.what == "run")
    if run.share is None:
        return "No stated interval has been tested by a finished job yet."
    return f"Of the last {run.n} stated intervals for the run time, {run.share:.0%} held ({COVERS:.0%} are meant to)."
