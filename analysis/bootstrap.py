"""The paired bootstrap: the difference of any metric of two models, both taken on the same drawn rows.

For metrics that have no interval of their own in `compare`. Rows are drawn with replacement; with `clusters` whole
clusters are (all rows of a person, all results of a query), because rows of one cluster say the same thing twice. The
interval is BCa (B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987) 171-185) with the acceleration from
the jackknife over at most 200 parts. Never for a range over groups: there it does not cover (see `fairness`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Estimate

LEAST_ROWS: Final = 10
MOST_UNDEFINED: Final = 0.05
"""Share of draws on which a metric may be undefined before there is no interval."""
_PARTS: Final = 200
_NORMAL = NormalDist()

Rows: TypeAlias = npt.NDArray[np.int64]
Measure: TypeAlias = Callable[[Rows], float]
"""A model's metric over the rows of those numbers, some of them several times; nan where it is undefined."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The difference, candidate minus baseline, with the draws it rests on and those left out as undefined."""

    difference: Estimate
    draws: int
    undefined_draws: int
    reason: str | None = None


def paired_bootstrap(
    candidate: Measure,
    baseline: Measure,
    n: int,
    *,
    clusters: npt.NDArray[np.integer] | None = None,
    draws: int = 1_000,
    level: float = 0.95,
    seed: int = 0,
) -> Bootstrap:
    """Draw and measure both. The same seed gives the same interval.

    `clusters` [n] numbers the cluster of each row from 0. `reason` says why there is a difference but no interval.
    Raises ValueError for clusters of another length or fewer than 100 draws.
    """
    if draws < 100:
        raise ValueError("A bootstrap needs at least 100 draws")
    if clusters is not None and clusters.size != n:
        raise ValueError("There is one cluster per row")
    members = _members(n, clusters)
    units = len(members)

    def measure(rows: Rows) -> float:
        return float(candidate(rows)) - float(baseline(rows))

    value = measure(np.arange(n)) if n else float("nan")
    if not np.isfinite(value):
        return Bootstrap(
            Estimate(None, n=n, undefined="undefined for one of the two" if n else "there are no rows"), 0, 0
        )
    if units < LEAST_ROWS:
        word = "rows" if clusters is None else "clusters"
        return Bootstrap(Estimate(value, n=n), 0, 0, f"{units} {word} are too few to draw from")
    rng = np.random.default_rng(seed)
    found = np.asarray([measure(_drawn(members, rng.integers(0, units, units), clusters)) for _ in range(draws)])
    known = found[np.isfinite(found)]
    missing = draws - known.size
    if missing > MOST_UNDEFINED * draws:
        return Bootstrap(Estimate(value, n=n), draws, missing, f"{missing} of {draws} draws leave the metric undefined")
    low, high = _bca(value, known, _jackknife(measure, members), level)
    return Bootstrap(Estimate(value, low, high, "paired bootstrap, BCa", n), draws, missing)


def _members(n: int, clusters: npt.NDArray[np.integer] | None) -> list[Rows]:
    if clusters is None:
        return [np.asarray([row]) for row in range(n)]
    order = np.argsort(clusters, kind="stable")
    cuts = np.flatnonzero(np.diff(clusters[order])) + 1
    return [part for part in np.split(order, cuts) if part.size]


def _drawn(members: list[Rows], picked: Rows, clusters: npt.NDArray[np.integer] | None) -> Rows:
    return picked if clusters is None else np.concatenate([members[unit] for unit in picked])


def _jackknife(measure: Callable[[Rows], float], members: list[Rows]) -> npt.NDArray[np.float64]:
    """The difference without each of at most 200 parts of the rows, nan where it is undefined."""
    n = sum(part.size for part in members)
    kept = np.ones(n, np.bool_)
    found = []
    for part in np.array_split(np.arange(len(members)), min(_PARTS, len(members))):
        rows = np.concatenate([members[unit] for unit in part])
        kept[rows] = False
        found.append(measure(np.flatnonzero(kept)))
        kept[rows] = True
    return np.asarray(found)


def _bca(
    value: float, found: npt.NDArray[np.float64], left_out: npt.NDArray[np.float64], level: float
) -> tuple[float, float]:
    """Ends at the quantiles that correct for bias and acceleration; both ends the value where no draw differs."""
    below = float((found < value).mean() + (found == value).mean() / 2)
    if found.min() == found.max():
        return float(found[0]), float(found[0])
    bias = _NORMAL.inv_cdf(min(max(below, 0.5 / found.size), 1 - 0.5 / found.size))
    parts = left_out[np.isfinite(left_out)]
    gaps = parts.mean() - parts if parts.size else np.zeros(1)
    spread = float((gaps**2).sum())
    bend = float((gaps**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    ends = []
    for side in ((1 - level) / 2, (1 + level) / 2):
        z = bias + _NORMAL.inv_cdf(side)
        room = 1 - bend * z
        ends.append(_NORMAL.cdf(bias + z / room) if room > 0 else float(side > 0.5))
    low, high = np.quantile(found, ends)
    return float(low), float(high)
