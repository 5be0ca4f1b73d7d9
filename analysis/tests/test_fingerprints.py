"""Hashes of values and rows: stable, by value, and spread evenly."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from analysis.fingerprints import mix, rows_hash, values_hash


def test_hashes_stay_what_they_are() -> None:
    """Stored fingerprints must be comparable with those of a later version."""
    assert mix(np.array([0, 1], np.uint64)).tolist() == [16294208416658607535, 10451216379200822465]
    assert values_hash(["a", "ä"]).tolist() == [4681665781835383343, 17315702723226345529]


def test_equal_values_are_equal_whatever_their_type() -> None:
    whole = pa.table({"a": pa.array([1, 0, None], pa.int8()), "b": ["x", "y", "x"]})
    broken = pa.table({"b": pa.array(["x", "y", "x"]).dictionary_encode(), "a": pa.array([1.0, -0.0, None])})

    assert rows_hash(whole).tolist() == rows_hash(broken).tolist()
    assert values_hash(np.array([3])).tolist() == values_hash(np.array([3.0])).tolist()
    assert len(set(values_hash(np.array([2**53 + 1, 2**53, 2**53 + 2])).tolist())) == 3


def test_a_value_in_another_column_is_another_row() -> None:
    table = pa.table({"a": [1, 2, None], "b": [2, 1, 1], "c": [None, None, 1]})

    found = rows_hash(table)

    assert len(set(found.tolist())) == 3
    assert rows_hash(table, ["a"]).tolist() != rows_hash(table, ["b"]).tolist()


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(["", "a", "b", None])), max_size=30))
def test_rows_are_equal_exactly_when_their_hashes_are(rows: list[tuple[int, str | None]]) -> None:
    table = pa.table(
        {"n": pa.array([n for n, _ in rows], pa.int64()), "t": pa.array([t for _, t in rows], pa.string())}
    )

    found = rows_hash(table).tolist()

    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            assert (found[i] == found[j]) == (one == other)


def test_halves_by_hash_are_even() -> None:
    for ids in (np.arange(20_000), [f"row-{n}" for n in range(20_000)]):
        even = (values_hash(ids) % np.uint64(2) == 0).mean()
        assert abs(even - 0.5) < 0.02
