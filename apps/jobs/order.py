"""Which queued job of a target is next: class, then fair share between teams, then age. Pure.

The rule, and why nobody starves under it, is in docs/adr/0040-order-of-work.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

LOW, NORMAL, HIGH = 0, 1, 2

AGE_STEP = 4 * 3600.0
"""Seconds of waiting that lift a job by one class, up to the highest."""
START_CHARGE = 60.0
"""What starting a job costs its team at least, in CPU-seconds: so that many tiny jobs count too."""
HALF_LIFE = 24 * 3600.0
"""Seconds after which half of what a team has used is forgotten."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job; `queued` in seconds since the epoch, `cost` the CPU-seconds that it is expected to take."""

    id: uuid.UUID
    team: uuid.UUID
    priority: int
    queued: float
    cost: float = START_CHARGE


@dataclass(frozen=True, slots=True)
class Load:
    """What a team has used of a target (CPU-seconds, the old ones faded), its weight (more than zero), and how many
    more jobs it may run now (None: no limit).
    """

    used: float = 0.0
    weight: float = 1.0
    free: int | None = None

    @property
    def share(self) -> float:
        """Use for each unit of weight: the team with the least is next."""
        return self.used / self.weight


NOTHING = Load()


def class_of(priority: int, waited: float) -> int:
    """The class that a job has come to after waiting so many seconds."""
    return min(HIGH, priority + int(max(0.0, waited) // AGE_STEP))


def faded(used: float, seconds: float) -> float:
    """What is left of a use after so many seconds; a clock that was set back fades nothing."""
    return float(used * 0.5 ** (max(0.0, seconds) / HALF_LIFE))


def next_of(heads: Iterable[Waiting], loads: Mapping[uuid.UUID, Load], now: float) -> Waiting | None:
    """The job that starts next, of the oldest jobs of each team and priority; None when no team may start one.

    A team that is missing in `loads` has used nothing.
    """
    best: tuple[int, float, float, int] | None = None
    found: Waiting | None = None
    for job in heads:
        load = loads.get(job.team, NOTHING)
        if load.free is not None and load.free <= 0:
            continue
        key = (-class_of(job.priority, now - job.queued), load.share, job.queued, job.id.int)
        if best is None or key < best:
            best, found = key, job
    return found


def order_of(jobs: Iterable[Waiting], loads: Mapping[uuid.UUID, Load], now: float, *, most: int) -> list[Waiting]:
    """The next jobs in the order in which they start, at most `most`, if nothing is added and each costs as expected.

    Limits of jobs at once are left out: places come back while a queue is worked off.
    """
    queues: dict[tuple[uuid.UUID, int], list[Waiting]] = {}
    for job in sorted(jobs, key=lambda job: (job.queued, job.id.int), reverse=True):
        queues.setdefault((job.team, job.priority), []).append(job)
    used = {team: replace(load, free=None) for team, load in loads.items()}
    order: list[Waiting] = []
    while len(order) < most:
        first = next_of((queue[-1] for queue in queues.values() if queue), used, now)
        if first is None:
            break
        queues[(first.team, first.priority)].pop()
        before = used.get(first.team, NOTHING)
        used[first.team] = replace(before, used=before.used + max(START_CHARGE, first.cost))
        order.append(first)
    return order


def left_of(expected: float, elapsed: float) -> float:
    """Seconds that a running job is expected to go on: one that outlasts what was expected goes on half as long again
    as it has.
    """
    return expected - elapsed if elapsed < expected else elapsed / 2


def starts_of(durations: Iterable[float], running: Iterable[float], places: int) -> list[float]:
    """In how many seconds each job of an order starts, when those that run go on for `running` seconds."""
    frees = sorted(running)
    frees += [0.0] * max(0, places - len(frees))
    # More than there are places (some were taken away): the first to end are not filled again.
    frees = frees[max(0, len(frees) - max(1, places)) :]
    heapify(frees)
    starts = []
    for duration in durations:
        start = heappop(frees)
        starts.append(start)
        heappush(frees, start + max(0.0, duration))
    return starts
