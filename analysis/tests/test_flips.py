"""Negative flips: counts, rows and intervals by group, and what a hidden group lets out."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.flips import flips_find


def find(right: list[bool], was: list[bool], codes: list[int], labels: list[str], **rest: object) -> list:
    ids = [f"row {n}" for n in range(len(right))]
    return flips_find(np.array(right), np.array(was), np.array(codes, np.int32), labels, ids, **rest)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2)), min_size=1, max_size=60))
def test_flips_are_counted_and_listed_by_group(rows: list[tuple[bool, bool, int]]) -> None:
    right, was, codes = (list(column) for column in zip(*rows, strict=True))

    groups = find(right, was, codes, ["a", "b", "c"])

    for code, group in enumerate(groups):
        lost = [f"row {i}" for i, (r, w, c) in enumerate(rows) if c == code and w and not r]
        won = [f"row {i}" for i, (r, w, c) in enumerate(rows) if c == code and r and not w]
        n = codes.count(code)
        assert list(group.negative_rows) == lost
        assert list(group.positive_rows) == won
        assert (group.n, group.negative, group.positive) == (n, len(lost), len(won))
        if n == 0:
            assert group.negative_rate.value is None
            assert group.negative_rate.undefined == "there are no rows"
            assert group.difference.value is None
            continue
        assert group.difference.value == pytest.approx((len(won) - len(lost)) / n)
        assert group.difference.low <= group.difference.value <= group.difference.high
        ends = stats.binomtest(len(lost), n).proportion_ci(method="wilson")
        assert group.negative_rate.low == pytest.approx(ends.low, abs=1e-12)
        assert group.negative_rate.high == pytest.approx(ends.high, abs=1e-12)
        if lost or won:
            assert group.p == pytest.approx(stats.binomtest(len(lost), len(lost) + len(won)).pvalue)
        else:
            assert group.p is None


def test_the_share_among_rows_that_were_right_needs_such_rows() -> None:
    some, none = find([False, False, True, True], [True, True, True, False], [0, 0, 0, 1], ["a", "b"])

    assert some.negative_of_right.value == pytest.approx(2 / 3)
    assert none.negative_of_right.value is None
    assert none.negative_of_right.undefined == "the baseline has no row right"


def test_the_gravest_come_first_and_the_list_ends() -> None:
    (group,) = find([False] * 4, [True] * 4, [0] * 4, ["a"], gravity=np.array([0.1, 0.9, 0.5, 0.9]), most_rows=3)

    assert group.negative == 4
    assert group.negative_rows == ("row 1", "row 3", "row 2")


def test_a_hidden_group_lets_nothing_out() -> None:
    hidden, _ = find([False, True], [True, False], [0, 1], ["a", "b"], barred=["fewer than 100 rows", None])

    data = hidden.to_json()

    assert "row 0" not in json.dumps(data)
    assert {data[name] for name in ("n", "negative", "positive", "p")} == {None}
    for name in ("negative_rate", "positive_rate", "negative_of_right", "difference"):
        assert data[name]["value"] is None
        assert data[name]["undefined"] == "fewer than 100 rows"


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same number of rows"):
        find([True], [True, False], [0], ["a"])
    with pytest.raises(ValueError, match="none of the groups"):
        find([True], [True], [1], ["a"])
