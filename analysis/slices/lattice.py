"""The search: every slice of one to three conditions that is worse than the rest and than each of its parents' rest.

Level by level, as SliceLine does (S. Sagadeeva and M. Boehm, SIGMOD 2021). A slice of fewer than `least_rows` rows is
none, nor is one whose mean loss stays below a bar. No slice below a cell can reach a mean loss above (sum of the cell's
losses) / least_rows, so a cell for which that is under the bar is not looked into further. Where rows have weights the
means are weighted, the lightest `least_rows` rows of all take the place of their number in that bound, and a slice
needs as many effective rows too (Kish; see `tables`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.intervals import Floats
from analysis.slices.columns import NOT_SEARCHED, SliceColumn
from analysis.slices.tables import Crossing, Sums, sums_of, tables_make, welch_z

LEAST_Z: Final = 4.0
MAX_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slice that the search found: its columns, the code of each, and Welch's z against its complement."""

    crossing: Crossing
    codes: tuple[int, ...]
    z: float

    def rows(self, columns: Sequence[SliceColumn]) -> npt.NDArray[np.bool_]:
        """Which rows it holds, [n]."""
        found: npt.NDArray[np.bool_] | None = None
        for column, code in zip(self.crossing, self.codes, strict=True):
            held = columns[column].codes == code
            found = held if found is None else found & held
        return np.zeros(0, np.bool_) if found is None else found

    def below(self, other: "Candidate") -> bool:
        """Does it have all conditions of the other, and more?"""
        mine = dict(zip(self.crossing, self.codes, strict=True))
        theirs = dict(zip(other.crossing, other.codes, strict=True))
        return len(mine) > len(theirs) and theirs.items() <= mine.items()

    def parents(self) -> list["Candidate"]:
        """The slices with one condition less; none for a slice of one."""
        if len(self.codes) == 1:
            return []
        places = range(len(self.codes))
        return [
            Candidate(
                tuple(self.crossing[at] for at in places if at != gone),
                tuple(self.codes[at] for at in places if at != gone),
                float("nan"),
            )
            for gone in places
        ]


@dataclass(frozen=True, slots=True)
class Searched:
    """What the search found, the largest z first, and how many slices with rows it looked at."""

    candidates: tuple[Candidate, ...]
    looked_at: int


def is_weak(own: Sums, other: Sums, bar: float) -> bool:
    """Is the one set of rows worse than the other beyond doubt, and not below the bar?"""
    return bool(own.loss >= bar * own.mass and welch_z(own, other) > LEAST_Z)


def lattice_search(
    columns: Sequence[SliceColumn],
    loss: Floats,
    *,
    least_rows: int,
    bar: float,
    depth: int = MAX_DEPTH,
    weights: Floats | None = None,
) -> Searched:
    """All candidates among the slices of at most `depth` conditions; `loss` is zero or more, [n], `bar` the least mean
    loss of a slice; `weights` [n] above 0 where rows have some.
    """
    whole = sums_of(loss, None, weights)
    least_mass = float(least_rows) if weights is None else _lightest(weights, least_rows)
    sizes = [len(column.levels) + 1 for column in columns]
    codes = [column.codes for column in columns]
    tables: dict[Crossing, Sums] = {(): whole}
    alive: dict[Crossing, npt.NDArray[np.bool_]] = {(): np.ones((), np.bool_)}
    found: list[Candidate] = []
    looked_at = 0
    for width in range(1, min(depth, len(columns)) + 1):
        wanted = [
            one
            for one in combinations(range(len(columns)), width)
            if all(part in alive for part in combinations(one, width - 1))
        ]
        tables |= tables_make(codes, sizes, loss, wanted, weights)
        for one in wanted:
            table = tables[one]
            reach = (table.n >= least_rows) & (table.loss / least_mass >= bar)
            for axis in range(width):
                reach[(slice(None),) * axis + (NOT_SEARCHED,)] = False
                reach &= np.expand_dims(alive[one[:axis] + one[axis + 1 :]], axis)
            looked_at += int((table.n > 0).sum())
            if reach.any():
                alive[one] = reach
                enough = reach if weights is None else reach & (table.effective >= least_rows)
                found.extend(_candidates(one, table, tables, enough, bar))
    return Searched(tuple(sorted(found, key=lambda one: (-one.z, one.crossing, one.codes))), looked_at)


def _lightest(weights: Floats, count: int) -> float:
    """What the lightest rows count together."""
    return float(np.partition(weights, count - 1)[:count].sum()) if count <= weights.size else float(weights.sum())


def _candidates(
    crossing: Crossing, table: Sums, tables: dict[Crossing, Sums], reach: npt.NDArray[np.bool_], bar: float
) -> list[Candidate]:
    z = welch_z(table, tables[()].less(table))
    with np.errstate(invalid="ignore"):
        kept = reach & (table.loss >= bar * table.mass) & (z > LEAST_Z)
        for axis in range(len(crossing) if kept.any() and len(crossing) > 1 else 0):
            parent = tables[crossing[:axis] + crossing[axis + 1 :]]
            kept &= welch_z(table, parent.wide(axis).less(table)) > LEAST_Z
    return [
        Candidate(crossing, tuple(int(part) for part in place), float(z[tuple(place)])) for place in np.argwhere(kept)
    ]
