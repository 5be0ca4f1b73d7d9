"""Test rows that were trained on: found by their values, whatever the file, and none where there are none."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.fingerprints import rows_hash, values_hash
from analysis.leakage import overlap_find

ROW = st.tuples(st.integers(0, 3), st.sampled_from(["x", "y", None]), st.booleans())


def hashes(rows: list[tuple]) -> tuple[np.ndarray, np.ndarray]:
    """Fingerprints of the features and hashes of the labels, the last of each row."""
    table = pa.table(
        {"n": pa.array([row[0] for row in rows], pa.int64()), "t": pa.array([row[1] for row in rows], pa.string())}
    )
    return rows_hash(table), values_hash(np.array([row[2] for row in rows], bool))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=15), st.lists(ROW, min_size=1, max_size=15))
def test_overlap_equals_brute_force(train: list[tuple], test: list[tuple]) -> None:
    (train_rows, train_labels), (test_rows, test_labels) = hashes(train), hashes(test)

    found = overlap_find(train_rows, test_rows, np.arange(len(test)), labels=(train_labels, test_labels))

    features = [row[:2] for row in train]
    shared = [at for at, row in enumerate(test) if row[:2] in features]
    assert list(found.rows) == shared
    assert found.shared == len(shared)
    assert found.same_label == sum(test[at] in train for at in shared)
    assert found.other_label == len(shared) - found.same_label
    assert found.share.value == pytest.approx(len(shared) / len(test))
    twins = sum(features.count(one) > 1 for one in features)
    if train:
        assert found.repeated_in_train.value == pytest.approx(twins / len(train))
    else:
        assert found.repeated_in_train.undefined == "the training set has no rows"


def test_leaked_rows_are_found_across_file_types(tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"age": rng.integers(18, 90, 4000), "pay": rng.normal(size=4000), "town": rng.choice(["a", "b"], 4000)}
    )
    train, test = frame.iloc[:3000], pd.concat([frame.iloc[3000:], frame.iloc[10:30]])
    train.to_csv(tmp_path / "train.csv", index=False)
    read = pa.Table.from_pandas(pd.read_csv(tmp_path / "train.csv"), preserve_index=False)
    other = pa.Table.from_pandas(
        test[["town", "pay", "age"]].astype({"town": "category", "age": float}), preserve_index=False
    )

    found = overlap_find(rows_hash(read), rows_hash(other), [f"id {at}" for at in range(len(test))], most_rows=5)

    assert found.shared == 20
    assert found.rows == tuple(f"id {at}" for at in range(1000, 1005))
    assert found.share.low is not None
    assert found.share.low > 0.01
    assert found.repeated_in_train.value == 0
    assert found.same_label is None
    assert found.to_json()["rows"][0] == "id 1000"


def test_an_empty_test_set_has_no_share() -> None:
    none = np.zeros(0, np.uint64)

    found = overlap_find(np.array([1], np.uint64), none, [])

    assert found.share.value is None
    assert found.share.undefined == "the test set has no rows"
    with pytest.raises(ValueError, match="one id"):
        overlap_find(none, np.array([1], np.uint64), [])
