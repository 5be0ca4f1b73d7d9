"""Rows of the test set that the model was trained on, found by the fingerprints of their feature values.

Equal fingerprints mean equal values in every feature (see `analysis.fingerprints`). With few or coarse features,
different rows can have equal values; how many rows of the training set are repeated within it is the yardstick for
that, and rows with equal features but different labels are counted apart.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Estimate
from analysis.fingerprints import Hashes, mix
from analysis.intervals import wilson

MOST_ROWS: Final = 1_000
"""Test rows that are listed by default."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Test rows that appear in the training set.

    `share` is among all test rows, `repeated_in_train` the share of training rows that have a twin in the training set.
    `same_label` and `other_label` divide the shared rows by whether a twin has their label, None without labels.
    `rows` are the ids of shared test rows in their order, at most as many as asked for.
    """

    test_rows: int
    train_rows: int
    shared: int
    share: Estimate
    same_label: int | None
    other_label: int | None
    repeated_in_test: Estimate
    repeated_in_train: Estimate
    rows: tuple[int | float | str | bool, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "rows": list(self.rows)}


def overlap_find(
    train: Hashes,
    test: Hashes,
    row_ids: Sequence[object] | npt.NDArray[np.generic],
    *,
    labels: tuple[Hashes, Hashes] | None = None,
    most_rows: int = MOST_ROWS,
    level: float = 0.95,
) -> Overlap:
    """Compare fingerprints of training [m] and test rows [n]; `row_ids` are of the test rows.

    `labels` are hashes (`values_hash`) of the labels of both, training first. Raises ValueError when arrays do not fit
    together.
    """
    if len(row_ids) != test.size or (labels and (labels[0].size, labels[1].size) != (train.size, test.size)):
        raise ValueError("There is one id and one label for each row")
    known = np.unique(train)
    found = np.flatnonzero(np.isin(test, known))
    same = None
    if labels is not None:
        same = int(np.isin(mix(test[found] ^ mix(labels[1][found])), mix(train ^ mix(labels[0]))).sum())
    return Overlap(
        test_rows=test.size,
        train_rows=train.size,
        shared=found.size,
        share=_share(found.size, test.size, level, "the test set has no rows"),
        same_label=same,
        other_label=None if same is None else found.size - same,
        repeated_in_test=_repeated(test, level, "the test set has no rows"),
        repeated_in_train=_repeated(train, level, "the training set has no rows"),
        rows=tuple(np.asarray(row_ids)[found[:most_rows]].tolist()),
    )


def _repeated(hashes: Hashes, level: float, reason: str) -> Estimate:
    _, counts = np.unique(hashes, return_counts=True)
    return _share(int(counts[counts > 1].sum()), hashes.size, level, reason)


def _share(hits: int, n: int, level: float, reason: str) -> Estimate:
    if n == 0:
        return Estimate(None, undefined=reason)
    low, high = wilson(hits, n, level)
    return Estimate(hits / n, float(low), float(high), "Wilson", n)
