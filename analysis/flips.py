"""Negative flips by group: rows that the baseline had right and the candidate has wrong, and the opposite.

The rate of negative flips is their share among all rows of the group (S. Yan et al., "Positive-Congruent Training",
CVPR 2021); beside it stands their share among the rows that the baseline had right, which is what a user of the
baseline meets. Shares have Wilson's interval. Whether the candidate is better on balance is the paired difference of
the shares of right rows (Bonett and Price's interval, McNemar's exact test): it may be while negative flips are many.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.compare import Codes, share_difference
from analysis.contracts.report import Estimate
from analysis.intervals import Floats, ratio, wilson
from analysis.segment_metrics.estimates import Estimates, estimates

MOST_ROWS: Final = 1_000
"""Flipped rows of each kind that a group lists by default."""
NO_RIGHT: Final = "the baseline has no row right"

Bools = npt.NDArray[np.bool_]
RowId = int | float | str | bool


@dataclass(frozen=True, slots=True)
class FlipGroup:
    """The flips of one group; every number is None when `barred` says why the group is not shown.

    `difference` is the candidate's share of right rows minus the baseline's. `negative_rows` and `positive_rows` are
    row ids, the gravest first, as many as asked for; the counts say how many there are. `p` is None where no row
    flipped.
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
) -> list[FlipGroup]:
    """The flips of every group of one grouping; all arrays are of the same rows, `codes` [n] index `labels`.

    `barred[g]` is the reason why group g is not shown (too small and protected), and then nothing of it leaves here.
    `gravity` [n] orders the listed rows, the largest first, such as how much the loss rose; without it they come in the
    order of the rows. Raises ValueError when arrays do not fit together.
    """
    right, was_right = np.asarray(candidate_right, np.bool_), np.asarray(baseline_right, np.bool_)
    if not right.size == was_right.size == len(codes) == len(row_ids):
        raise ValueError("Both models, the groups and the row ids have the same number of rows")
    size = len(labels)
    if len(codes) and not 0 <= int(np.min(codes)) <= int(np.max(codes)) < size:
        raise ValueError("A row is in none of the groups")
    counts = np.bincount(codes * np.int64(4) + 2 * right + was_right, minlength=4 * size).reshape(size, 4)
    n, negative, positive = counts.sum(axis=1), counts[:, 1], counts[:, 2]
    of_right = negative + counts[:, 3]
    negative_rate, positive_rate = _share(negative, n, level), _share(positive, n, level)
    among_right = _share(negative, of_right, level, NO_RIGHT)
    moved = share_difference(positive, negative, n, level)
    difference = estimates(moved.value, (moved.low, moved.high), n, "Bonett-Price")
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
            )
        )
    return found


def _share(
    hits: npt.NDArray[np.int64], of: npt.NDArray[np.int64], level: float, reason: str = "there are no rows"
) -> Estimates:
    return estimates(ratio(hits, of), wilson(hits, of, level), of, "Wilson", reason)


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
