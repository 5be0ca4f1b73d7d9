"""How much runs differ that should not: repeats have the same params and data, and another seed at most."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence

from apps.experiments.models import Run
from apps.experiments.web.words import number_of

_SEEDS = frozenset({"seed", "random_state", "random_seed"})


def repeats_of(runs: Sequence[Run], inputs: Mapping[uuid.UUID, Iterable[object]]) -> list[list[Run]]:
    """Groups of two or more runs with the same params, seeds left aside, and the same inputs."""
    groups: dict[object, list[Run]] = {}
    for run in runs:
        params = frozenset((key, value) for key, value in run.params.items() if key not in _SEEDS)
        groups.setdefault((params, frozenset(inputs.get(run.pk, ()))), []).append(run)
    return [group for group in groups.values() if len(group) > 1]


def spread_of(key: str, groups: Sequence[Sequence[Run]]) -> float | None:
    """The standard deviation of a metric within repeats, pooled over their groups; None where nothing was repeated.

    s² = Σ Σ (x − mean of its group)² / Σ (size of the group − 1).
    """
    squares, freedom = 0.0, 0
    for group in groups:
        values = [value for run in group if (value := number_of(run.metrics_latest.get(key))) is not None]
        if len(values) > 1:
            mean = math.fsum(values) / len(values)
            squares += math.fsum((value - mean) ** 2 for value in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else None


def within_noise(difference: float, spread: float | None) -> bool:
    """Is a difference of two runs no larger than repeats differ: two standard deviations of a difference, 2·√2·s?"""
    return spread is not None and abs(difference) <= 2 * math.sqrt(2) * spread
