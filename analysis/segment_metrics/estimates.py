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

    def lists(self) -> "Iterator[Ones]":
        """Value, low, high and n of each group; None for what is undefined, both ends where there is no interval."""
        known = np.isfinite(self.value)
        bounded = known & np.isfinite(self.low) & np.isfinite(self.high)
        value, low, high = (
            np.where(mask, one, 0.0).astype(object)
            for mask, one in ((known, self.value), (bounded, self.low), (bounded, self.high))
        )
        value[~known] = None
        low[~bounded] = high[~bounded] = None
        return zip(value.tolist(), low.tolist(), high.tolist(), np.asarray(self.n).tolist(), strict=True)


Ones: TypeAlias = tuple[float | None, float | None, float | None, int]
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


class GroupEstimates(Mapping[str, dict[str, Estimate]]):
    """Every metric by group key, each group's made when it is asked for: thousands of groups cost only their arrays.

    `places` is the index of each key, `rows` [G] the groups' sizes.
    """

    def __init__(self, found: Mapping[str, Estimates], places: Mapping[str, int], rows: npt.NDArray[np.number]) -> None:
        self.found = dict(found)
        self._places = places
        self._rows = rows

    def __getitem__(self, key: str) -> dict[str, Estimate]:
        group = self._places[key]
        return {name: metric.one(group, int(self._rows[group])) for name, metric in self.found.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def to_json(self) -> dict[str, dict[str, dict[str, float | int | str | None]]]:
        """As JSON: by group key and metric, what an Estimate holds."""
        groups: list[dict[str, dict[str, float | int | str | None]]] = [{} for _ in range(self._rows.size)]
        filled = (self._rows > 0).tolist()
        for name, metric in self.found.items():
            for group, has_rows, (value, low, high, n) in zip(groups, filled, metric.lists(), strict=True):
                group[name] = {
                    "value": value,
                    "low": low,
                    "high": high,
                    "method": None if low is None else metric.method,
                    "n": n,
                    "undefined": None if value is not None else metric.reason if has_rows else NO_ROWS,
                }
        return {key: groups[place] for key, place in self._places.items()}


def group_estimates(found: Mapping[str, Estimates], rows: npt.NDArray[np.number]) -> list[dict[str, Estimate]]:
    """Every metric of every group, as a report holds them; `rows` are the groups' sizes."""
    groups: list[dict[str, Estimate]] = [{} for _ in range(rows.size)]
    filled = (rows > 0).tolist()
    for name, metric in found.items():
        for group, has_rows, (value, low, high, n) in zip(groups, filled, metric.lists(), strict=True):
            if low is not None:
                group[name] = Estimate(value, low, high, metric.method, n)
            elif value is not None:
                group[name] = Estimate(value, n=n)
            else:
                group[name] = Estimate(None, n=n, undefined=metric.reason if has_rows else NO_ROWS)
    return groups
