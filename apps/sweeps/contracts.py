"""What a sweep looks at and where it stands, as rooms above and pages speak of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apps.sweeps.models import Sweep, Trial

MINIMISE: Final = "MINIMISE"
MAXIMISE: Final = "MAXIMISE"
MAX_OBJECTIVES: Final = 4
MAX_TRIALS: Final = 1_000
MAX_PARALLEL: Final = 50
MAX_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Aim:
    """One objective: a metric of the run, which way is better, and the limit that a trial has to keep to, if any."""

    name: str
    metric: str
    direction: str
    limit: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Aim:
        return cls(data["name"], data["metric"], data["direction"], data.get("limit"))

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "metric": self.metric, "direction": self.direction, "limit": self.limit}

    @property
    def lower(self) -> bool:
        return self.direction == MINIMISE

    def over(self, value: float) -> float:
        """By how much a value breaks the limit; 0 or less within it, or without one."""
        if self.limit is None:
            return 0.0
        return value - self.limit if self.lower else self.limit - value

    def better(self, one: float, other: float) -> bool:
        return one < other if self.lower else one > other

    def rank(self, value: float) -> float:
        """Sorts the best first."""
        return value if self.lower else -value


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sweep stands. `best` is None before a trial is done; `front` are those that none beats in every aim."""

    aims: list[Aim]
    best: Trial | None
    baseline: Trial | None
    front: list[Trial]
    counts: Mapping[str, int]
    cost_minor: float | None
    seconds: float
    kept: bool
    """Whether the best one keeps to every limit."""
    history: list[tuple[int, float, float]] = field(default_factory=list)
    """(number of the trial, its value, best until then) for the first aim, in the order of the numbers."""

    @property
    def open(self) -> int:
        return self.counts.get("WAITING", 0) + self.counts.get("RUNNING", 0)


def aims_of(sweep: Sweep) -> list[Aim]:
    return [Aim.from_json(one) for one in sweep.objectives]


def within(aims: Sequence[Aim], values: Sequence[float]) -> bool:
    """Does a trial keep to every limit?"""
    return all(aim.over(value) <= 0 for aim, value in zip(aims, values, strict=True))


def beats(aims: Sequence[Aim], one: Sequence[float], other: Sequence[float]) -> bool:
    """Is one nowhere worse and somewhere better?"""
    pairs = list(zip(aims, one, other, strict=True))
    return not any(aim.better(b, a) for aim, a, b in pairs) and any(aim.better(a, b) for aim, a, b in pairs)


def price(seconds: float, hourly_minor: int | None) -> float | None:
    """What so much time costs in the minor unit; None without a price."""
    return None if hourly_minor is None else hourly_minor * max(seconds, 0.0) / 3600


def finite(value: Any) -> float | None:
    """A stored measurement as a finite number; None for everything else ("NaN", "Infinity")."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
