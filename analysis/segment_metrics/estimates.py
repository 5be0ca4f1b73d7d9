"""Estimates of one metric for all groups of a grouping at once, and their way into a report."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Estimate
from analysis.intervals import Ends, Floats

NO_ROWS = "there are no rows"


@dataclass(frozen=True, slots=True)
class Estimates:
    """One metric, one entry per group: nan in `value` means undefined, and `reason` says why.

    `n` is the denominator, `method` names the interval. nan ends mean that there is a value but no interval.
    """

    value: Floats
    low: Floats
    high: Floats
    n: npt.NDArray[np.int64]
    method: str
    reason: str

    def one(self, group: int, rows: int) -> Estimate:
        """The estimate of one group with that many rows."""
        value = float(self.value[group])
        n = int(self.n[group])
        if not np.isfinite(value):
            return Estimate(None, n=n, undefined=self.reason if rows else NO_ROWS)
        low, high = float(self.low[group]), float(self.high[group])
        if not (np.isfinite(low) and np.isfinite(high)):
            return Estimate(value, n=n)
        return Estimate(value, low, high, self.method, n)


Maker: TypeAlias = Callable[[], Estimates]


class LazyEstimates(Mapping[str, Estimates]):
    """Estimates by metric, each made when it is first asked for."""

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        self._makers = makers
        self._made: dict[str, Estimates] = {}

    def __getitem__(self, name: str) -> Estimates:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def exact(value: npt.ArrayLike, n: npt.ArrayLike) -> Estimates:
    """A number that is simply counted: its own interval."""
    values = np.asarray(value, np.float64)
    return Estimates(values, values, values, np.asarray(n, np.int64), "count", NO_ROWS)


def estimates(value: Floats, ends: Ends, n: npt.ArrayLike, method: str, reason: str = NO_ROWS) -> Estimates:
    """Put a value, its interval and their provenance together."""
    return Estimates(value, ends[0], ends[1], np.asarray(n).astype(np.int64), method, reason)


def group_estimates(found: Mapping[str, Estimates], rows: npt.NDArray[np.number]) -> list[dict[str, Estimate]]:
    """Every metric of every group, as a report holds them; `rows` are the groups' sizes."""
    groups: list[dict[str, Estimate]] = [{} for _ in range(rows.size)]
    filled = (rows > 0).tolist()
    for name, metric in found.items():
        known = np.isfinite(metric.value)
        bounded = known & np.isfinite(metric.low) & np.isfinite(metric.high)
        columns = (known, bounded, metric.value, metric.low, metric.high, metric.n)
        for group, has_rows, has_value, has_ends, value, low, high, n in zip(
            groups, filled, *(np.asarray(column).tolist() for column in columns), strict=True
        ):
            if has_ends:
                group[name] = Estimate(value, low, high, metric.method, n)
            elif has_value:
                group[name] = Estimate(value, n=n)
            else:
                group[name] = Estimate(None, n=n, undefined=metric.reason if has_rows else NO_ROWS)
    return groups
