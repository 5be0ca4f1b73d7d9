"""Several models: each alone, all together, all but one, and what each adds.

What a member adds is its Shapley value (L. S. Shapley, "A value for n-person games", 1953): the mean over all orders in
which members could join of how much the metric changes when this one does, exactly, over all 2^M coalitions. The shares
sum to the metric of all less the metric of no model at all, which is that of an answer given without any: `without`.
Leave-one-out, the metric of all less that of all others, is what is lost by removing one member today; of two alike it
says that neither is needed, while their Shapley shares say that one of them is.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Estimate
from analysis.intervals import Floats

MAX_MEMBERS: Final = 10
LEAST_DRAWS: Final = 100
_MOST_UNDEFINED: Final = 0.05

Rows: TypeAlias = npt.NDArray[np.int64]
Measure: TypeAlias = Callable[[Floats, Rows], float]
"""The metric of an output over the rows of those numbers, some perhaps several times; nan where it is undefined."""


class Combination(Protocol):
    """How members' outputs become one. It is asked for every coalition, members always in their own order."""

    def __call__(self, outputs: Sequence[Floats], places: Sequence[int]) -> Floats:
        """One output from those of some members; `places` are their numbers among all."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of scores or predictions, weighted where weights are given (one per member, not all zero)."""

    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.weights is not None and (min(self.weights) < 0 or sum(self.weights) <= 0):
            raise ValueError("Weights are zero or more, and not all zero")

    def __call__(self, outputs: Sequence[Floats], places: Sequence[int]) -> Floats:
        """The weighted mean; the plain one among members who all have no weight."""
        weights = np.ones(len(outputs)) if self.weights is None else np.asarray([self.weights[at] for at in places])
        if not weights.any():
            weights = np.ones(len(outputs))
        found: Floats = np.tensordot(weights / weights.sum(), np.stack(outputs), axes=1)
        return found


@dataclass(frozen=True, slots=True)
class Vote:
    """The share of members who say each class: [n] of two classes by each member's threshold, else [n, K] by the
    largest score. The most votes win; a tie of two classes is positive at the threshold 0.5, one of many goes to the
    first.
    """

    thresholds: tuple[float, ...] | None = None

    def __call__(self, outputs: Sequence[Floats], places: Sequence[int]) -> Floats:
        """The shares of votes, to be judged at 0.5 or by the largest."""
        if outputs[0].ndim == 1:
            bars = [0.5 if self.thresholds is None else self.thresholds[at] for at in places]
            votes = np.stack([output >= bar for output, bar in zip(outputs, bars, strict=True)]).astype(np.float64)
        else:
            classes = outputs[0].shape[1]
            votes = np.stack([np.eye(classes)[output.argmax(axis=1)] for output in outputs])
        shares: Floats = votes.mean(axis=0)
        return shares


@dataclass(frozen=True, slots=True)
class Cascade:
    """The first member who is sure answers, the last one in any case: sure is a largest class probability of at least
    the member's bar (one per member).
    """

    sure: tuple[float, ...]

    def __call__(self, outputs: Sequence[Floats], places: Sequence[int]) -> Floats:
        """Each row's answer is that of the member who answers it."""
        found = outputs[-1].copy()
        for output, rows in zip(outputs, self.answered(outputs, places), strict=True):
            found[rows] = output[rows]
        return found

    def answered(self, outputs: Sequence[Floats], places: Sequence[int]) -> list[npt.NDArray[np.bool_]]:
        """Which rows each member answers; every row is answered once."""
        left = np.ones(outputs[0].shape[0], np.bool_)
        found = []
        for output, at in zip(outputs, places, strict=True):
            most = np.maximum(output, 1 - output) if output.ndim == 1 else output.max(axis=1)
            taken = left & ((most >= self.sure[at]) | (at == places[-1]))
            found.append(taken)
            left = left & ~taken
        return found


@dataclass(frozen=True, slots=True)
class MemberShare:
    """One member: its metric alone, how much all lose without it, and its Shapley share."""

    name: str
    alone: Estimate
    leave_one_out: Estimate
    shapley: Estimate


@dataclass(frozen=True, slots=True)
class Ensemble:
    """A combination and its members; everything in the metric's own unit and direction."""

    together: Estimate
    without: Estimate
    members: tuple[MemberShare, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "together": asdict(self.together),
            "without": asdict(self.without),
            "members": [asdict(one) for one in self.members],
        }


def ensemble_measure(
    names: Sequence[str],
    outputs: Sequence[Floats],
    combination: Combination,
    measure: Measure,
    without: Floats,
    *,
    draws: int = 0,
    level: float = 0.95,
    seed: int = 0,
) -> Ensemble:
    """Measure every coalition. `outputs` are [n] or [n, K], one per member and all alike; `without` is of their shape.

    With `draws` of a bootstrap over rows (at least 100) every number has a percentile interval. Undefined is None with
    the reason. Raises ValueError when outputs do not fit together, or for more than 10 members.
    """
    count, n = len(outputs), len(without)
    if not 1 <= count <= MAX_MEMBERS:
        raise ValueError(f"1 to {MAX_MEMBERS} models can be combined, not {count}")
    if len(names) != count or any(output.shape != without.shape for output in outputs):
        raise ValueError("Every model has a name, and outputs of one shape")
    if 0 < draws < LEAST_DRAWS:
        raise ValueError(f"A bootstrap needs at least {LEAST_DRAWS} draws")
    combined = [without]
    for coalition in range(1, 1 << count):
        places = [at for at in range(count) if coalition >> at & 1]
        combined.append(combination([np.asarray(outputs[at], np.float64) for at in places], places))

    def values(rows: Rows) -> Floats:
        return np.asarray([measure(output, rows) if n else np.nan for output in combined], np.float64)

    point = _numbers(values(np.arange(n)), count)
    rng = np.random.default_rng(seed)
    drawn = np.stack([_numbers(values(rng.integers(0, n, n)), count) for _ in range(draws)]) if draws and n else None

    def estimate(place: int) -> Estimate:
        return _estimate(point, drawn, place, n, level)

    return Ensemble(
        together=estimate(0),
        without=estimate(1),
        members=tuple(
            MemberShare(name, estimate(2 + at), estimate(2 + count + at), estimate(2 + 2 * count + at))
            for at, name in enumerate(names)
        ),
    )


def shapley_values(values: Floats, count: int) -> Floats:
    """The Shapley value of each of `count` members; `values[c]` is what coalition c has, bit k being member k.

    nan for all where a coalition has none: each value depends on every one.
    """
    coalitions = np.arange(1 << count)
    sizes = np.asarray([int(one).bit_count() for one in coalitions])
    weights = np.asarray([1 / (count * comb(count - 1, size)) if size < count else 0.0 for size in range(count + 1)])
    found = np.empty(count)
    for member in range(count):
        before = coalitions[coalitions >> member & 1 == 0]
        found[member] = weights[sizes[before]] @ (values[before | 1 << member] - values[before])
    return found


def _numbers(values: Floats, count: int) -> Floats:
    """Together, without, then alone, leave-one-out and Shapley of each member: [2 + 3 M]."""
    everyone = (1 << count) - 1
    alone = [values[1 << at] for at in range(count)]
    lost = [values[everyone] - values[everyone ^ 1 << at] for at in range(count)]
    return np.concatenate([[values[everyone], values[0]], alone, lost, shapley_values(values, count)])


def _estimate(point: Floats, drawn: Floats | None, place: int, n: int, level: float) -> Estimate:
    value = float(point[place])
    if not np.isfinite(value):
        reason = "there are no rows" if n == 0 else "the metric is undefined for a combination that it needs"
        return Estimate(None, n=n, undefined=reason)
    if drawn is None:
        return Estimate(value, n=n)
    known = drawn[np.isfinite(drawn[:, place]), place]
    if known.size < (1 - _MOST_UNDEFINED) * len(drawn):
        return Estimate(value, n=n)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), "bootstrap", n)
