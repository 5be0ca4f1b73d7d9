"""Importance of params: what decides a metric is found, and what does not is near nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.importance import importances, ranks


def runs(count: int, seed: int = 1) -> list[tuple[dict[str, str], float]]:
    """`rate` decides by a curve, `kind` by its name, `noise` not at all, `fixed` never varies."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        rate, kind = draw.uniform(-1, 1), draw.choice("ab")
        params = {"rate": f"{rate:.4f}", "kind": kind, "noise": f"{draw.random():.4f}", "fixed": "1"}
        found.append((params, -(rate**2) + (0.5 if kind == "a" else 0.0) + draw.gauss(0, 0.02)))
    return found


def test_what_decides_comes_first_also_when_it_is_no_straight_line_and_chance_comes_last():
    found = {one.key: one for one in importances(runs(300))}

    assert list(found)[-1] == "noise"
    assert found["noise"].explained < 0.05
    assert found["rate"].explained > 0.3
    assert found["kind"].explained > 0.3
    assert found["kind"].correlation is None
    assert "fixed" not in found


def test_the_correlation_is_spearmans_and_its_sign_the_direction():
    rows = runs(80)
    numbers = [float(params["noise"]) for params, _ in rows]

    found = {one.key: one for one in importances(rows)}
    down = importances([({"x": str(n)}, -float(n)) for n in range(20)])

    assert found["noise"].correlation == pytest.approx(
        stats.spearmanr(numbers, [value for _, value in rows]).statistic, abs=1e-9
    )
    assert down[0].correlation == pytest.approx(-1.0)


def test_too_few_runs_and_texts_that_all_differ_say_nothing():
    assert importances([({"x": str(n)}, float(n)) for n in range(4)]) == []
    assert importances([({"id": f"run {n}"}, float(n)) for n in range(50)]) == []
    assert importances([({"x": str(n)}, float("nan")) for n in range(50)]) == []
    assert importances([]) == []


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0, 7.0]), min_size=1, max_size=30))
def test_ranks_are_those_of_a_known_library(values):
    assert ranks(values) == pytest.approx(list(stats.rankdata(values)))


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2", "x", "1e400", "nan", ""])),
            st.floats(allow_nan=True, allow_infinity=True),
        ),
        max_size=25,
    )
)
def test_any_runs_give_shares_between_nothing_and_all(rows):
    for one in importances(rows):
        assert 0.0 <= one.explained <= 1.0
        assert one.correlation is None or -1.0 <= one.correlation <= 1.0
