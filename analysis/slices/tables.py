"""Counts and sums of a loss for every crossing of columns at once.

A pass over all rows is what costs, so one pass counts a block of several columns, and every crossing inside the block
is a marginal of its table. Blocks are chosen greedily until they hold all crossings that are asked for (a covering
design), each small enough for its table to stay in the processor's cache.

Where rows have weights w, a mean is sum(w l) / sum(w). Its variance is sum(w^2 (l - mean)^2) / sum(w)^2 times
e / (e - 1) with e = sum(w)^2 / sum(w^2), the effective number of rows (L. Kish, Survey Sampling (1965) 11.7), which
also stands for the rows in the degrees of freedom. Equal weights give the numbers of counted rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.intervals import Floats, ratio, weighted_spread

_SAME: Final = 1e-12
MAX_BLOCK: Final = 1 << 16
"""Cells of one block's table; one crossing alone may have more."""

Crossing: TypeAlias = tuple[int, ...]
"""Column numbers, rising."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """What weights w add to the sums of a cell: sum of w, of w^2 and of w^2 l."""

    mass: Floats
    squares: Floats
    loss: Floats


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows, sum of the loss and sum of its squares, by cell; all of one shape, one axis per column.

    With weights `loss` is the sum of w l, `square` that of w^2 l^2, and `heavy` holds the rest.
    """

    n: Floats
    loss: Floats
    square: Floats
    heavy: Heavy | None = None

    @property
    def mass(self) -> Floats:
        """What the rows count in all: their number, or the sum of their weights."""
        return self.n if self.heavy is None else self.heavy.mass

    @property
    def effective(self) -> Floats:
        """Rows that count alike and say as much: their number, or Kish's."""
        if self.heavy is None:
            return self.n
        return np.nan_to_num(ratio(self.heavy.mass**2, self.heavy.squares))

    def over(self, axes: tuple[int, ...]) -> "Sums":
        """Summed over some axes."""
        return self._each(lambda one: np.asarray(one.sum(axis=axes)))

    def wide(self, axis: int) -> "Sums":
        """With one more axis of length one."""
        return self._each(lambda one: np.expand_dims(one, axis))

    def less(self, part: "Sums") -> "Sums":
        """What is left without a part of the rows; both have weights, or neither."""
        heavy = None
        if self.heavy is not None and part.heavy is not None:
            own, other = self.heavy, part.heavy
            heavy = Heavy(own.mass - other.mass, own.squares - other.squares, own.loss - other.loss)
        return Sums(self.n - part.n, self.loss - part.loss, self.square - part.square, heavy)

    def _each(self, make: Callable[[Floats], Floats]) -> "Sums":
        heavy = self.heavy
        more = None if heavy is None else Heavy(make(heavy.mass), make(heavy.squares), make(heavy.loss))
        return Sums(make(self.n), make(self.loss), make(self.square), more)


def sums_of(loss: Floats, rows: npt.NDArray[np.bool_] | None = None, weights: Floats | None = None) -> Sums:
    """The sums over all rows, or those chosen."""
    chosen = loss if rows is None else loss[rows]
    n = np.asarray(float(chosen.size))
    if weights is None:
        return Sums(n, np.asarray(chosen.sum()), np.asarray(chosen @ chosen))
    weight = weights if rows is None else weights[rows]
    weighed = weight * chosen
    heavy = Heavy(np.asarray(weight.sum()), np.asarray(weight @ weight), np.asarray(weight @ weighed))
    return Sums(n, np.asarray(weighed.sum()), np.asarray(weighed @ weighed), heavy)


def welch(one: Sums, other: Sums) -> tuple[Floats, Floats, Floats]:
    """Difference of means (one minus other), its standard error by Welch and the degrees of freedom by Satterthwaite.

    nan where either side has fewer than two rows, or with weights no more than one effective row. B. L. Welch,
    Biometrika 34 (1947) 28-35.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        means, parts = [], []
        for side in (one, other):
            mean = side.loss / side.mass
            means.append(mean)
            parts.append(_squared_error(side, mean))
        # Sums of one and the same loss differ in their last digits, which is no difference.
        same = np.abs(means[0] - means[1]) <= _SAME * np.abs(means[1])
        squared = parts[0] + parts[1]
        free = squared**2 / (parts[0] ** 2 / (one.effective - 1) + parts[1] ** 2 / (other.effective - 1))
        return np.where(same, 0.0, means[0] - means[1]), np.sqrt(squared), free


def _squared_error(side: Sums, mean: Floats) -> Floats:
    """The variance of the mean of one side's rows."""
    if side.heavy is None:
        variance = np.maximum(side.square - side.n * mean * mean, 0) / (side.n - 1)
        return np.where(side.n > 1, variance / side.n, np.nan)
    spread = weighted_spread(side.square, side.heavy.loss, side.heavy.squares, mean, side.heavy.mass)
    return np.where(side.n > 1, spread, np.nan)


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
    codes: Sequence[npt.NDArray[np.uint8]],
    sizes: Sequence[int],
    loss: Floats,
    wanted: Sequence[Crossing],
    weights: Floats | None = None,
) -> dict[Crossing, Sums]:
    """The table of every wanted crossing; all wanted crossings are of as many columns. `sizes[c]` is one more than the
    largest code of column c.
    """
    columns = _columns(loss, weights)
    found: dict[Crossing, Sums] = {}
    for block, held in blocks_cover(wanted, sizes):
        index = codes[block[0]].astype(np.int64)
        for column in block[1:]:
            index *= sizes[column]
            index += codes[column]
        shape = tuple(sizes[column] for column in block)
        n, total, *rest = (
            np.bincount(index, weights=each, minlength=prod(shape)).astype(np.float64).reshape(shape)
            for each in (None, *columns)
        )
        if weights is None:
            whole = Sums(n, total, rest[0] if rest else total)
        else:
            mass, squares, heavy_loss, *square = rest
            whole = Sums(n, total, square[0] if square else heavy_loss, Heavy(mass, squares, heavy_loss))
        for one in held:
            found[one] = whole.over(tuple(axis for axis, column in enumerate(block) if column not in one))
    return found


def _columns(loss: Floats, weights: Floats | None) -> list[Floats]:
    """What is summed of each row beside its count; the squares last, and only where a loss is not its own square."""
    plain = bool(np.array_equal(loss * loss, loss))
    if weights is None:
        return [loss] if plain else [loss, loss * loss]
    weighed = weights * loss
    held = [weighed, weights, weights * weights, weights * weighed]
    return held if plain else [*held, weighed * weighed]
