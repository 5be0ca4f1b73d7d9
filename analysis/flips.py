"""Negative flips by group: rows that the baseline had right and the candidate has wrong, and the opposite.

The rate of negative flips is their share among all rows of the group (S. Yan et al., "Positive-Congruent Training",
CVPR 2021); beside it stands their share among the rows that the baseline had right, which is what a user of the
baseline meets. Shares have Wilson's interval. Whether the candidate is better on balance is the paired difference of
the shares of right rows (Bonett and Price's interval, McNemar's exact test): it may be while negative flips are many.

Where rows have weights, shares are of the sums of weights, and intervals rest on the effective number of rows of their
denominator, (sum of w)^2 / (sum of w^2) (L. Kish, Survey Sampling (1965) 11.7); the difference is tested as the paired
shares of a report are (`compare.weighted_share_difference`). Counts stay those of rows, beside what they weigh.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.compare import Codes, share_difference, weighted_share_difference
from analysis.contracts.report import Estimate
from analysis.intervals import Floats, group_sum, ratio, weights_of, wilson
from analysis.segment_metrics.estimates import Estimates, estimates

MOST_ROWS: Final = 1_000
"""Flipped rows of each kind that a group lists by default."""
NO_RIGHT: Final = "the baseline has no row right"
EFFECTIVE: Final = "effective number of rows"

Bools = npt.NDArray[np.bool_]
RowId = int | float | str | bool


@dataclass(frozen=True, slots=True)
class FlipGroup:
    """The flips of one group; every number is None when `barred` says why the group is not shown.

    `difference` is the candidate's share of right rows minus the baseline's. `negative_rows` and `positive_rows` are
    row ids, the gravest first, as many as asked for; the counts say how many there are. `p` is None where no row
    flipped. With weights `mass` is what the group's rows count, and the flipped ones of either kind; else None.
    """

    label: str
    n: int | None
    negative: int | None
    positive: int | None
    negative_rate: Estimate
    positive_rate: Estimate
    negative_of_right: Estimate
    difference: Estimate
    p: float | None
    negative_rows: tuple[RowId, ...] = ()
    positive_rows: tuple[RowId, ...] = ()
    mass: float | None = None
    negative_mass: float | None = None
    positive_mass: float | None = None
    barred: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "negative_rows": list(self.negative_rows), "positive_rows": list(self.positive_rows)}


def flips_find(
    candidate_right: Bools,
    baseline_right: Bools,
    codes: Codes,
    labels: Sequence[str],
    row_ids: Sequence[object] | npt.NDArray[np.generic],
    *,
    barred: Sequence[str | None] | None = None,
    gravity: Floats | None = None,
    most_rows: int = MOST_ROWS,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> list[FlipGroup]:
    """The flips of every group of one grouping; all arrays are of the same rows, `codes` [n] index `labels`.

    `barred[g]` is the reason why group g is not shown (too small and protected), and then nothing of it leaves here.
    `gravity` [n] orders the listed rows, the largest first, such as how much the loss rose; without it they come in the
    order of the rows. `weights` [n] say how much each row counts; weights of 1 change nothing. Raises ValueError when
    arrays do not fit together or a weight is not above 0.
    """
    right, was_right = np.asarray(candidate_right, np.bool_), np.asarray(baseline_right, np.bool_)
    if not right.size == was_right.size == len(codes) == len(row_ids):
        raise ValueError("Both models, the groups and the row ids have the same number of rows")
    size = len(labels)
    if len(codes) and not 0 <= int(np.min(codes)) <= int(np.max(codes)) < size:
        raise ValueError("A row is in none of the groups")
    weighing = weights_of(weights, len(codes))
    cells = codes * np.int64(4) + 2 * right + was_right
    counts = np.bincount(cells, minlength=4 * size).reshape(size, 4)
    n, negative, positive = counts.sum(axis=1), counts[:, 1], counts[:, 2]
    masses = None
    if weighing is None:
        of_right = negative + counts[:, 3]
        negative_rate, positive_rate = _share(negative, n, level), _share(positive, n, level)
        among_right = _share(negative, of_right, level, NO_RIGHT)
        moved = share_difference(positive, negative, n, level)
        difference = estimates(moved.value, (moved.low, moved.high), n, "Bonett-Price")
    else:
        masses, squares = (group_sum(cells, one, 4 * size).reshape(size, 4) for one in (weighing, weighing**2))
        everyone, was = slice(0, 4), slice(1, 4, 2)
        negative_rate = _heavy_share(masses, squares, 1, everyone, level)
        positive_rate = _heavy_share(masses, squares, 2, everyone, level)
        among_right = _heavy_share(masses, squares, 1, was, level, NO_RIGHT)
        moved = weighted_share_difference(
            masses[:, 2], masses[:, 1], squares[:, 1] + squares[:, 2], masses.sum(axis=1), squares.sum(axis=1), level
        )
        difference = estimates(moved.value, (moved.low, moved.high), n, f"Bonett-Price, {EFFECTIVE}")
    listed = [
        _listed(flipped, codes, size, row_ids, gravity, most_rows)
        for flipped in (was_right & ~right, right & ~was_right)
    ]
    found = []
    for group, label in enumerate(labels):
        why = None if barred is None else barred[group]
        if why is not None:
            nothing = Estimate(None, undefined=why)
            found.append(FlipGroup(label, None, None, None, nothing, nothing, nothing, nothing, None, barred=why))
            continue
        rows = int(n[group])
        flipped = int(negative[group] + positive[group])
        found.append(
            FlipGroup(
                label,
                rows,
                int(negative[group]),
                int(positive[group]),
                negative_rate.one(group, rows),
                positive_rate.one(group, rows),
                among_right.one(group, rows),
                difference.one(group, rows),
                float(moved.p[group]) if flipped else None,
                listed[0][group],
                listed[1][group],
                *((None,) * 3 if masses is None else (float(masses[group].sum()), *masses[group, 1:3].tolist())),
            )
        )
    return found


def _share(
    hits: npt.NDArray[np.int64], of: npt.NDArray[np.int64], level: float, reason: str = "there are no rows"
) -> Estimates:
    return estimates(ratio(hits, of), wilson(hits, of, level), of, "Wilson", reason)


def _heavy_share(
    masses: Floats, squares: Floats, cell: int, of: slice, level: float, reason: str = "there are no rows"
) -> Estimates:
    """The share of one cell among some, [G, 4] sums of w and of w^2, with Wilson's interval of the effective rows."""
    total = masses[:, of].sum(axis=1)
    value = ratio(masses[:, cell], total)
    effective = np.nan_to_num(ratio(total**2, squares[:, of].sum(axis=1)))
    ends = wilson(np.nan_to_num(value) * effective, effective, level)
    return estimates(value, ends, effective, f"Wilson, {EFFECTIVE}", reason)


def _listed(
    flipped: Bools,
    codes: Codes,
    size: int,
    row_ids: Sequence[object] | npt.NDArray[np.generic],
    gravity: Floats | None,
    most: int,
) -> list[tuple[RowId, ...]]:
    """The ids of the flipped rows of each group, in order, at most so many."""
    rows = np.flatnonzero(flipped)
    if gravity is not None:
        rows = rows[np.argsort(-np.asarray(gravity)[rows], kind="stable")]
    ids = np.asarray(row_ids)
    return [tuple(ids[rows[codes[rows] == group][:most]].tolist()) for group in range(size)]
