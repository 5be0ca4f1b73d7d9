"""Test rows that the candidate was trained on, by fingerprints over the columns that it reads."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from analysis.contracts.findings import BY_CHANCE, MORE_THAN_CHANCE, NO_OVERLAP, Leakage
from analysis.fingerprints import rows_hash
from analysis.leakage import Overlap, overlap_find


def leakage_of(
    train: pa.Table, test: pa.Table, columns: Sequence[str], target: str, *, level: float = 0.95
) -> Leakage | None:
    """Compare both parts over `columns`; rows are never named. None when either part has no row or no column is left.

    Raises KeyError for a column that is not in both.
    """
    if not columns or not train.num_rows or not test.num_rows:
        return None
    found = overlap_find(
        rows_hash(train, columns),
        rows_hash(test, columns),
        np.arange(test.num_rows),
        labels=(rows_hash(train, [target]), rows_hash(test, [target])),
        most_rows=0,
        level=level,
    )
    return Leakage(
        columns=tuple(columns),
        train_rows=found.train_rows,
        test_rows=found.test_rows,
        shared=found.shared,
        share=found.share,
        same_label=found.same_label or 0,
        other_label=found.other_label or 0,
        repeated=found.repeated_in_train,
        verdict=_verdict(found),
    )


def _verdict(found: Overlap) -> str:
    """The rule of `contracts.findings.leakage`."""
    if not found.shared:
        return NO_OVERLAP
    low, high = found.share.low, found.repeated_in_train.high
    return MORE_THAN_CHANCE if low is not None and high is not None and low > high else BY_CHANCE
