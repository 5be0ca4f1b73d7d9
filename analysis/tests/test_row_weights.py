"""Weights of rows in what is found beside the report: whole weights are repeated rows, and 1 is none."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.behaviour import BehaviourResult, Subject, behaviour_run
from analysis.contracts.behaviour import behaviour_read
from analysis.contracts.segments import SegmentSpec, Support
from analysis.findings import Asked, BehaviourAsked, Trials, Tried, findings_make
from analysis.flips import flips_find
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput
from analysis.slices import Level, SliceColumn, SliceSpec, weak_slices
from analysis.slices.tables import sums_of, tables_make, welch

ROWS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=50)


def columns_of(*codes: np.ndarray) -> list[SliceColumn]:
    return [
        SliceColumn(
            f"c{at}", one.astype(np.uint8), tuple(Level(f"v{k}", f"c{at} == {k}") for k in range(1, one.max() + 1))
        )
        for at, one in enumerate(codes)
    ]


def world(n: int = 6_000, seed: int = 3) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """Losses with two weak slices, columns, whole weights and row ids."""
    rng = np.random.default_rng(seed)
    codes = [rng.integers(1, size + 1, n) for size in (2, 3, 4)]
    chance = 0.1 + 0.35 * ((codes[0] == 1) & (codes[1] == 2)) + 0.3 * (codes[2] == 4)
    loss = (rng.random(n) < chance) * (1 + (rng.random(n) < 0.3))
    return loss.astype(float), codes, rng.integers(1, 4, n), np.arange(n)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_flips_with_whole_weights_are_those_of_repeated_rows(rows: list[tuple[bool, bool, int, int]]) -> None:
    right, was, codes, weights = (np.array(column) for column in zip(*rows, strict=True))

    def find(*arrays: np.ndarray, **rest: object) -> list:
        return flips_find(*arrays, ["a", "b", "c"], np.arange(arrays[0].size), **rest)

    weighted = find(right, was, codes, weights=weights)
    repeated = find(*(np.repeat(one, weights) for one in (right, was, codes)))

    for one, other, plain in zip(weighted, repeated, find(right, was, codes), strict=True):
        assert (one.n, one.negative, one.positive) == (plain.n, plain.negative, plain.positive)
        assert one.mass is None or one.mass == other.n
        for name in ("negative_rate", "positive_rate", "negative_of_right", "difference"):
            value, ends = getattr(one, name).value, getattr(one, name)
            assert value == pytest.approx(getattr(other, name).value)
            if value is not None:
                assert ends.low <= value + 1e-12
                assert value <= ends.high + 1e-12


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 2), st.integers(1, 4)), min_size=8, max_size=60))
def test_differences_of_slices_with_whole_weights_are_those_of_repeated_rows(
    rows: list[tuple[float, int, int]],
) -> None:
    loss, codes, weights = (np.array(column) for column in zip(*rows, strict=True))
    own, twice = codes == 1, np.repeat(codes == 1, weights)
    again = np.repeat(loss, weights)

    weighted = [sums_of(loss, rows, weights.astype(float)) for rows in (own, ~own)]
    repeated = [sums_of(again, rows) for rows in (twice, ~twice)]

    assert float(weighted[0].mass) == float(repeated[0].n)
    if own.any() and not own.all():
        assert float(welch(*weighted)[0]) == pytest.approx(float(welch(*repeated)[0]), abs=1e-9)
    table = tables_make([codes.astype(np.uint8)], [3], loss, [(0,)], weights.astype(float))[0,]
    assert table.loss[1] == pytest.approx(weighted[0].loss)
    assert table.effective[1] == pytest.approx(weighted[0].effective)


def test_weak_slices_with_whole_weights_have_the_means_of_repeated_rows() -> None:
    loss, codes, weights, ids = world()
    weighted = weak_slices(loss, columns_of(*codes), ids, weights=weights)
    repeated = weak_slices(
        np.repeat(loss, weights), columns_of(*(np.repeat(one, weights) for one in codes)), np.repeat(ids, weights)
    )
    same = {one.expression: one for one in repeated.slices}

    assert {one.expression for one in weighted.slices} >= {"c0 == 1 and c1 == 2", "c2 == 4"}
    assert weighted.mean_loss == pytest.approx(repeated.mean_loss)
    for one in weighted.slices:
        other = same[one.expression]
        assert one.mass == other.n
        assert (one.loss, one.rest_loss) == pytest.approx((other.loss, other.rest_loss))
        assert (one.difference, one.excess) == pytest.approx((other.difference, other.excess))
        # Rows that stand there three times say no more than one: the interval is wider than theirs.
        assert one.high - one.low > other.high - other.low


def test_the_scale_of_weights_changes_no_slice() -> None:
    loss, codes, weights, ids = world()

    one = weak_slices(loss, columns_of(*codes), ids, weights=weights)
    other = weak_slices(loss, columns_of(*codes), ids, weights=weights * 0.25)

    assert [each.expression for each in one.slices] == [each.expression for each in other.slices]
    for a, b in zip(one.slices, other.slices, strict=True):
        assert (a.loss, a.low, a.high, a.p) == pytest.approx((b.loss, b.low, b.high, b.p))


def test_the_search_by_weights_leaves_out_nothing_that_the_bound_must_keep() -> None:
    """Slices whose few heavy rows err: the pruning bound counts the lightest rows of all."""
    rng = np.random.default_rng(5)
    n = 4_000
    codes = [rng.integers(1, 4, n), rng.integers(1, 5, n)]
    inside = (codes[0] == 2) & (codes[1] == 3)
    weights = np.where(inside, 5.0, rng.uniform(0.2, 1, n))
    loss = (rng.random(n) < np.where(inside, 0.6, 0.1)).astype(float)

    found = weak_slices(loss, columns_of(*codes), np.arange(n), SliceSpec(), weights=weights)

    assert "c0 == 2 and c1 == 3" in {one.expression for one in found.slices}


def test_a_slice_that_one_heavy_row_makes_is_none() -> None:
    loss, codes, _, ids = world()
    loss = (np.arange(loss.size) % 10 == 0).astype(float)
    heavy = np.flatnonzero((codes[2] == 1) & (loss == 1))[:6]
    weights = np.ones(loss.size)
    weights[heavy] = 500.0

    assert weak_slices(loss, columns_of(*codes), ids, weights=weights).slices == ()


SWAP = {"schema": 1, "name": "t", "kind": "INVARIANCE", "change": [{"column": "c", "swap": {"a": "b", "b": "a"}}]}


def behave(c: list[str], checks: list[int], weights: np.ndarray | None) -> BehaviourResult:
    """The colour decides where there are three checks."""
    table = pa.table({"c": c, "checks": checks})
    spec = behaviour_read({**SWAP, "compare": "LABEL", "least_share": 0.5, "why": "Nobody is held for it."})

    def predict(rows: pa.Table) -> np.ndarray:
        black = np.array([one == "a" for one in rows["c"].to_pylist()])
        return np.where((rows["checks"].to_numpy() == 3) & black, 0.2, 0.8)

    return behaviour_run(spec, Subject(predict, "BINARY"), table, np.arange(len(c)), weights=weights)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=40))
def test_behaviour_with_whole_weights_is_that_of_repeated_rows(rows: list[tuple[str, int, int]]) -> None:
    c, checks, weights = (list(column) for column in zip(*rows, strict=True))

    weighted = behave(c, checks, np.array(weights))
    repeated = behave(*(np.repeat(one, weights).tolist() for one in (c, checks)), None)
    plain = behave(c, checks, None)

    assert weighted.share.value == pytest.approx(repeated.share.value)
    assert weighted.result == repeated.result
    assert (weighted.tested, weighted.failed) == (plain.tested, plain.failed)


def rows_made(weights: np.ndarray | None, n: int = 3_000) -> EvaluationRows:
    rng = np.random.default_rng(8)
    truth = rng.random(n) < 0.5
    columns = pa.table({"age": rng.integers(16, 60, n), "colour": np.where(rng.random(n) < 0.3, "b", "w")})
    live = np.clip(np.where(truth, 0.75, 0.25) + rng.normal(0, 0.18, n), 0, 1)
    new = np.where((np.asarray(columns["age"]) >= 40) & (rng.random(n) < 0.4), 1 - live, live)
    models = (ModelOutput(scores=one, threshold=0.5) for one in (new, live))
    return EvaluationRows(np.arange(n), truth, columns, *models, weights)


def findings_with(weights: np.ndarray | None) -> dict:
    least = Support(60, 10, 10)
    segment = SegmentSpec("c", "Colour", "colour", None, "PROTECTED", least)
    test = {**SWAP, "change": [{"column": "colour", "swap": {"b": "w", "w": "b"}}], "compare": "LABEL", "why": "No."}

    def predict(rows: pa.Table) -> np.ndarray:
        return np.where((np.asarray(rows["age"]) > 50) & (np.asarray(rows["colour"]) == "b"), 0.2, 0.8)

    tried = Tried(Subject(predict, "BINARY", 0.5, "yes"), frozenset({"age", "colour"}))
    trials = Trials(tried, tried, [BehaviourAsked("7", 1, False, {**test, "least_share": 0.9})])
    spec = EvaluateSpec("BINARY", (segment,), positive_label="yes", least_support=least)
    return findings_make(rows_made(weights), spec, Asked(["age", "colour"], trials=trials)).findings.to_json()


def test_weights_of_one_change_nothing_at_all() -> None:
    assert findings_with(np.ones(3_000)) == findings_with(None)


def test_findings_say_that_they_are_weighted() -> None:
    found = findings_with(np.random.default_rng(0).uniform(0.5, 3, 3_000))

    assert [found[part]["weighted"] for part in ("slices", "flips", "behaviour")] == [True] * 3
    everyone = found["flips"]["groups"][0]
    assert everyone["mass"] > everyone["negative_mass"] > 0
    assert "effective number of rows" in everyone["difference"]["method"]
    assert "effective number of rows" in found["behaviour"]["tests"][0]["candidate"]["share"]["method"]
    assert found["slices"]["slices"]


def test_a_group_that_is_hidden_tells_no_weight() -> None:
    (hidden,) = flips_find(
        np.array([False]), np.array([True]), np.array([0]), ["a"], ["row"], barred=["few"], weights=np.array([17.5])
    )

    assert "17.5" not in str(hidden.to_json())


@pytest.mark.parametrize("weights", [[1.0], [0.0, 1.0], [np.nan, 1.0]])
def test_weights_that_do_not_fit_are_refused(weights: list[float]) -> None:
    loss, codes = np.array([0.0, 1.0]), np.array([0, 1])
    with pytest.raises(ValueError, match="weight"):
        flips_find(loss > 0, loss > 0, codes, ["a", "b"], codes, weights=weights)
    with pytest.raises(ValueError, match="weight"):
        weak_slices(loss, [], codes, weights=np.array(weights))
    with pytest.raises(ValueError, match="weight"):
        findings_make(replace(rows_made(None), weights=np.array(weights)), EvaluateSpec("BINARY"), Asked([]))
