"""What a job is expected to wait, take and need, from what jobs like it did. Pure.

Of n exchangeable values the next one falls between the k-th from below and the k-th from above with probability
(n + 1 - 2k) / (n + 1). So with nine values the outermost two hold 80 %, and with fewer nothing does: then the range
that was seen is told as just that. See docs/adr/0041-forecast.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

COVERS = 0.8
"""The share of later values that a stated interval is to hold."""
LEAST = 9
"""From so many values on an interval is stated."""
MOST = 60
"""Older values than so many are left out: programs, machines and data change."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median with both ends of the 80 % interval or, of fewer than nine values (not `stated`), of all that was seen."""

    low: float
    mid: float
    high: float
    n: int

    @property
    def stated(self) -> bool:
        """Is this an 80 % interval?"""
        return self.n >= LEAST

    def holds(self, value: float) -> bool:
        """Does a value lie within?"""
        return self.low <= value <= self.high

    def times(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.low * factor, self.mid * factor, self.high * factor, self.n)

    def to_json(self) -> dict[str, float]:
        return {"low": self.low, "mid": self.mid, "high": self.high, "n": self.n}

    @classmethod
    def of_json(cls, told: dict[str, Any] | None) -> Spread | None:
        return cls(told["low"], told["mid"], told["high"], int(told["n"])) if told else None


def spread_of(values: Iterable[float]) -> Spread | None:
    """The interval for the next value; None when there was none before."""
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return None
    mid = _at(ordered, 0.5)
    if n < LEAST:
        return Spread(ordered[0], mid, ordered[-1], n)
    tail = (1 - COVERS) / 2
    return Spread(_at(ordered, tail), mid, _at(ordered, 1 - tail), n)


def _at(ordered: Sequence[float], share: float) -> float:
    """The value at a share of the way, counted as k / (n + 1) for the k-th, between neighbours in proportion."""
    place = min(max(share * (len(ordered) + 1) - 1, 0.0), len(ordered) - 1.0)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def similar(size: int, other: int) -> bool:
    """Is one of two sizes of input at most twice the other?"""
    low, high = sorted((size, other))
    return high <= 2 * low


@dataclass(frozen=True, slots=True)
class Past:
    """A job of the same sort that ended well: input in bytes, seconds that it ran, bytes of memory at its peak."""

    size: int
    seconds: float
    memory: int | None


def fitting(past: Sequence[Past], size: int | None) -> tuple[list[Past], bool]:
    """Those to forecast from, and whether they are of a similar size: if nine of them are, or all, else any size.

    Without a size all count, and none is called similar.
    """
    if size is None:
        return list(past), False
    alike = [one for one in past if similar(size, one.size)]
    if len(alike) >= LEAST or len(alike) == len(past):
        return alike, True
    return list(past), False


def band_of(free: int, waiting: int) -> int:
    """How busy a target is, coarsely enough that earlier jobs met the same: 0 with a free place and nobody waiting,
    then one more each time that twice as many wait.
    """
    if free > 0 and waiting == 0:
        return 0
    return 1 + int(math.log2(waiting + 1))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was, or would be, expected at launch; None where no job like it came before.

    Seconds, bytes, and the minor unit of the currency. `basis` says in one sentence which jobs it is made from.
    """

    wait: Spread | None = None
    run: Spread | None = None
    memory: Spread | None = None
    cost: Spread | None = None
    currency: str = ""
    basis: str = ""

    def to_json(self) -> dict[str, Any]:
        spreads = {name: getattr(self, name) for name in ("wait", "run", "memory", "cost")}
        told: dict[str, Any] = {name: one.to_json() if one else None for name, one in spreads.items()}
        return told | {"currency": self.currency, "basis": self.basis}

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Forecast:
        spreads = {name: Spread.of_json(told.get(name)) for name in ("wait", "run", "memory", "cost")}
        return cls(**spreads, currency=told.get("currency", ""), basis=told.get("basis", ""))


def basis_of(n: int, *, alike: bool, sized: bool) -> str:
    """From which jobs a forecast is made, as a sentence."""
    if n == 0:
        return "No job like it has ended well on this target: nothing is known."
    of = "data of a similar size" if alike else "data of other sizes too" if sized else "any data"
    jobs = "the one earlier job" if n == 1 else f"{n} earlier jobs"
    if n < LEAST:
        return f"Median and range of {jobs} like it, on {of}: too few to state an interval, which takes {LEAST}."
    return f"80 % interval from {jobs} like it, on {of}."
