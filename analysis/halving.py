"""When a trial of a search is ended early: asynchronous successive halving in brackets, as in Hyperband.

At its rungs (steps that grow by a factor) a trial is compared with those of its bracket that have reached the same
rung, running or ended; it goes on while it is among the best 1/factor of them. Nobody waits for anybody (Li et al.,
"A System for Massively Parallel Hyperparameter Tuning", 2020), and the brackets, which begin at later and later rungs,
keep what starts slowly from being judged by its first steps alone (Li et al., "Hyperband", 2018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FACTOR: Final = 3
BRACKETS: Final = 2

Curve = Sequence[tuple[int, float]]
"""(step, value), in the order of the steps."""


@dataclass(frozen=True, slots=True)
class Halving:
    """The first rung in steps, by what the rungs grow (at least 2), and how many brackets there are."""

    first: int
    factor: int = FACTOR
    brackets: int = BRACKETS

    def rung_first(self, number: int) -> int:
        """The first rung of a trial by its number: brackets take turns."""
        return self.first * int(self.factor ** (number % self.brackets))


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a trial ends here: its value at the rung, its place among those that reached it, and how many may go on."""

    step: int
    value: float
    place: int
    of: int
    kept: int


def halt_find(rule: Halving, number: int, curves: Mapping[int, Curve], *, lower: bool) -> Halt | None:
    """Why the trial of this number ends now; None while it goes on. `curves` are those of all trials, by number.

    `lower`: lower values are better. A value that is no number is the worst. With fewer than `factor` trials at a
    rung nobody ends there.
    """
    curve = curves.get(number, ())
    if not curve:
        return None
    rung = rule.rung_first(number)
    last = curve[-1][0]
    if last < rung:
        return None
    while rung * rule.factor <= last:
        rung *= rule.factor
    mine = _at(curve, rung)
    if mine is None:
        return None
    others = [
        value
        for other, line in curves.items()
        if other != number
        and other % rule.brackets == number % rule.brackets
        and (value := _at(line, rung)) is not None
    ]
    of = len(others) + 1
    if of < rule.factor:
        return None
    better = sum(_rank(value, lower) < _rank(mine, lower) for value in others)
    kept = max(1, of // rule.factor)
    return None if better < kept else Halt(rung, mine, better + 1, of, kept)


def _at(curve: Curve, rung: int) -> float | None:
    """The value at the first step from the rung on."""
    return next((value for step, value in curve if step >= rung), None)


def _rank(value: float, lower: bool) -> float:
    if math.isnan(value):
        return math.inf
    return value if lower else -value
