"""Counts and sums of a loss for every crossing of columns at once.

A pass over all rows is what costs, so one pass counts a block of several columns, and every crossing inside the block
is a marginal of its table. Blocks are chosen greedily until they hold all crossings that are asked for (a covering
design), each small enough for its table to stay in the processor's cache.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.intervals import Floats

MAX_BLOCK: Final = 1 << 16
"""Cells of one block's table; one crossing alone may have more."""

Crossing: TypeAlias = tuple[int, ...]
"""Column numbers, rising."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows, sum of the loss and sum of its squares, by cell; all three of one shape, one axis per column."""

    n: Floats
    loss: Floats
    square: Floats

    def over(self, axes: tuple[int, ...]) -> "Sums":
        """Summed over some axes."""
        return Sums(self.n.sum(axis=axes), self.loss.sum(axis=axes), self.square.sum(axis=axes))

    def less(self, part: "Sums") -> "Sums":
        """What is left without a part of the rows."""
        return Sums(self.n - part.n, self.loss - part.loss, self.square - part.square)


def sums_of(loss: Floats, rows: npt.NDArray[np.bool_] | None = None) -> Sums:
    """The sums over all rows, or those chosen."""
    chosen = loss if rows is None else loss[rows]
    return Sums(np.asarray(float(chosen.size)), np.asarray(chosen.sum()), np.asarray(chosen @ chosen))


def welch(one: Sums, other: Sums) -> tuple[Floats, Floats, Floats]:
    """Difference of means (one minus other), its standard error by Welch and the degrees of freedom by Satterthwaite.

    nan where either side has fewer than two rows. B. L. Welch, Biometrika 34 (1947) 28-35.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        means, parts = [], []
        for side in (one, other):
            mean = side.loss / side.n
            variance = np.maximum(side.square - side.n * mean * mean, 0) / (side.n - 1)
            means.append(mean)
            parts.append(np.where(side.n > 1, variance / side.n, np.nan))
        squared = parts[0] + parts[1]
        free = squared**2 / (parts[0] ** 2 / (one.n - 1) + parts[1] ** 2 / (other.n - 1))
        return means[0] - means[1], np.sqrt(squared), free


def welch_z(one: Sums, other: Sums) -> Floats:
    """Welch's statistic: infinite where the means differ without any spread, nan where undefined."""
    difference, error, _ = welch(one, other)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((error == 0) & (difference == 0), 0.0, difference / error)


def blocks_cover(
    wanted: Iterable[Crossing], sizes: Sequence[int], limit: int = MAX_BLOCK
) -> Iterator[tuple[Crossing, list[Crossing]]]:
    """Blocks of columns with the crossings that each is the first to hold, until all that are wanted are held."""
    left = dict.fromkeys(sorted(wanted, key=lambda one: -prod(sizes[column] for column in one)))
    while left:
        block = set(next(iter(left)))
        width = len(block)
        cells = prod(sizes[column] for column in block)
        while True:
            gains = {
                column: sum(tuple(sorted((*rest, column))) in left for rest in combinations(sorted(block), width - 1))
                for column, size in enumerate(sizes)
                if column not in block and cells * size <= limit
            }
            best = max(gains, key=lambda column: (gains[column], -sizes[column]), default=None)
            if best is None or gains[best] == 0:
                break
            block.add(best)
            cells *= sizes[best]
        members = tuple(sorted(block))
        held = [one for one in combinations(members, width) if one in left]
        for one in held:
            del left[one]
        yield members, held


def tables_make(
    codes: Sequence[npt.NDArray[np.uint8]], sizes: Sequence[int], loss: Floats, wanted: Sequence[Crossing]
) -> dict[Crossing, Sums]:
    """The table of every wanted crossing; all wanted crossings are of as many columns. `sizes[c]` is one more than the
    largest code of column c.
    """
    squares = loss * loss
    plain = bool(np.array_equal(squares, loss))
    found: dict[Crossing, Sums] = {}
    for block, held in blocks_cover(wanted, sizes):
        index = codes[block[0]].astype(np.int64)
        for column in block[1:]:
            index *= sizes[column]
            index += codes[column]
        shape = tuple(sizes[column] for column in block)
        weighed = [loss] if plain else [loss, squares]
        n, total, *square = (
            np.bincount(index, weights=weights, minlength=prod(shape)).astype(np.float64).reshape(shape)
            for weights in (None, *weighed)
        )
        whole = Sums(n, total, total if plain else square[0])
        for one in held:
            found[one] = whole.over(tuple(axis for axis, column in enumerate(block) if column not in one))
    return found
