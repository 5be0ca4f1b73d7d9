"""Weak slices: the search against brute force, exactly the planted ones found, and what is found as a segment."""

from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.columns import expression_evaluate
from analysis.segments import segment_evaluate
from analysis.slices import Level, SliceColumn, SliceSpec, slice_columns, weak_slices
from analysis.slices.lattice import lattice_search
from analysis.slices.tables import blocks_cover, sums_of, tables_make, welch


def make_column(name: str, codes: np.ndarray, size: int) -> SliceColumn:
    return SliceColumn(
        name, codes.astype(np.uint8), tuple(Level(f"v{k}", f"{name} == {k}") for k in range(1, size + 1))
    )


def make_world(n: int, seed: int, planted: bool) -> tuple[np.ndarray, pa.Table]:
    """Errors of a model over texts, numbers and truth values; three slices are worse when planted."""
    rng = np.random.default_rng(seed)
    table = pa.table(
        {
            "region": pa.array(rng.choice(["north", "south", "east", "it's"], n, p=[0.4, 0.3, 0.2, 0.1])),
            "age": rng.integers(18, 90, n),
            "income": pa.array(np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(10, 1, n)), from_pandas=True),
            "employed": rng.random(n) < 0.6,
            "children": rng.integers(0, 4, n),
            "noise": pa.array(rng.choice([f"n{k}" for k in range(12)], n)),
        }
    )
    chance = np.full(n, 0.1)
    if planted:
        columns = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
        chance[columns["region"] == "it's"] = 0.3
        chance[(columns["region"] == "south") & columns["employed"]] = 0.25
        chance[(columns["children"] == 2) & (columns["noise"] == "n3") & ~columns["employed"]] = 0.6
    return (rng.random(n) < chance).astype(float), table


def slow_search(columns: list[SliceColumn], loss: np.ndarray, least: int, bar: float) -> dict[tuple, float]:
    """The definition, slice by slice."""

    def z(rows: np.ndarray, others: np.ndarray) -> float:
        a, b = loss[rows], loss[others]
        if len(a) < 2 or len(b) < 2:
            return float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            return float((a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))

    found = {}
    for width in (1, 2, 3):
        for crossing in combinations(range(len(columns)), width):
            for codes in product(*(range(1, len(columns[c].levels) + 1) for c in crossing)):
                holds = [columns[c].codes == code for c, code in zip(crossing, codes, strict=True)]
                rows = np.logical_and.reduce(holds)
                if rows.sum() < least or loss[rows].mean() < bar or not z(rows, ~rows) > 4:
                    continue
                parents = [np.logical_and.reduce(holds[:i] + holds[i + 1 :]) & ~rows for i in range(width) if width > 1]
                if all(z(rows, parent) > 4 for parent in parents):
                    found[(crossing, codes)] = z(rows, ~rows)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_search_equals_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 3000
    columns = [make_column(f"c{k}", rng.integers(0, k + 3, n), k + 2) for k in range(4)]
    chance = 0.1 + 0.5 * ((columns[0].codes == 1) & (columns[1].codes == 2)) + 0.2 * (columns[3].codes == 3)
    loss = (rng.random(n) < chance) * rng.exponential(size=n)
    bar = 1.1 * loss.mean()

    found = lattice_search(columns, loss, least_rows=20, bar=bar)

    slow = slow_search(columns, loss, 20, bar)
    assert slow
    assert {(one.crossing, one.codes) for one in found.candidates} == slow.keys()
    for one in found.candidates:
        assert one.z == pytest.approx(slow[(one.crossing, one.codes)], rel=1e-9)
    assert [one.z for one in found.candidates] == sorted((one.z for one in found.candidates), reverse=True)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=3, max_size=9), st.integers(1, 3), st.integers(100, 20_000))
def test_blocks_hold_every_crossing_once_and_stay_small(sizes: list[int], width: int, limit: int) -> None:
    wanted = list(combinations(range(len(sizes)), width))

    blocks = list(blocks_cover(wanted, sizes, limit))

    held = [one for _, part in blocks for one in part]
    assert sorted(held) == wanted
    for block, part in blocks:
        assert all(set(one) <= set(block) for one in part)
        assert np.prod([sizes[c] for c in block]) <= limit or len(block) == width


def test_tables_add_up_to_their_rows() -> None:
    rng = np.random.default_rng(1)
    codes = [rng.integers(0, size, 500).astype(np.uint8) for size in (3, 4, 5, 6)]
    loss = rng.exponential(size=500)

    tables = tables_make(codes, (3, 4, 5, 6), loss, list(combinations(range(4), 2)))

    for (a, b), table in tables.items():
        for place in np.ndindex(table.n.shape):
            rows = (codes[a] == place[0]) & (codes[b] == place[1])
            assert table.n[place] == rows.sum()
            assert table.loss[place] == pytest.approx(loss[rows].sum())
            assert table.square[place] == pytest.approx((loss[rows] ** 2).sum())


def test_welch_equals_scipy() -> None:
    rng = np.random.default_rng(2)
    loss, rows = rng.exponential(size=300), rng.random(300) < 0.2

    difference, error, free = welch(sums_of(loss, rows), sums_of(loss, ~rows))

    expected = stats.ttest_ind(loss[rows], loss[~rows], equal_var=False)
    assert difference / error == pytest.approx(expected.statistic)
    assert free == pytest.approx(expected.df)


PLANTED = {
    "`region` == 'it''s'",
    "`region` == 'south' and `employed` == true",
    "`employed` == false and `children` == 2 and `noise` == 'n3'",
}


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_exactly_the_planted_slices_are_found(seed: int) -> None:
    loss, table = make_world(60_000, seed, planted=True)

    found = weak_slices(loss, slice_columns(table), np.arange(60_000))

    assert {one.expression for one in found.slices} == PLANTED
    for one in found.slices:
        assert one.low <= one.difference <= one.high
        assert one.loss - one.rest_loss == pytest.approx(one.difference)
        assert one.p <= one.p_adjusted <= 0.05


def test_nothing_is_found_where_nothing_is() -> None:
    found = [weak_slices(*_clean(seed)) for seed in range(12)]

    assert [one.slices for one in found] == [()] * 12
    assert all(one.looked_at > 1000 and one.reason is None for one in found)


def _clean(seed: int) -> tuple[np.ndarray, list[SliceColumn], np.ndarray]:
    loss, table = make_world(20_000, 50 + seed, planted=False)
    return loss, slice_columns(table), np.arange(20_000)


def test_a_slice_is_a_segment_of_the_same_rows() -> None:
    loss, table = make_world(30_000, 6, planted=True)
    columns = slice_columns(table, protected=["region"])

    found = weak_slices(loss, columns, np.arange(30_000))

    assert found.slices
    for one in found.slices:
        segment = segment_evaluate(one.segment("v-1"), table)
        assert segment.counts()[0] == one.n
        assert segment.spec.protected == ("region" in one.columns)


def test_every_level_of_every_column_is_an_expression_of_its_rows() -> None:
    _, table = make_world(2_000, 7, planted=False)
    days = np.datetime64("2024-01-01") + np.arange(2_000) % 400
    table = table.append_column("day of `sale`", pa.array(days.astype("datetime64[us]")))
    table = table.append_column("tiny", pa.array(np.arange(2_000) * 1e-7 - 5e-5))
    table = table.append_column("coded", table["region"].dictionary_encode())

    columns = slice_columns(table)

    assert {one.name for one in columns} == set(table.column_names)
    for column in columns:
        for code, level in enumerate(column.levels, start=1):
            mask = pa.compute.fill_null(_holds(level.expression, table), False).to_numpy()
            assert (mask == (column.codes == code)).all(), level
        assert (column.codes > 0).all()


def _holds(expression: str, table: pa.Table) -> pa.ChunkedArray:
    return expression_evaluate(expression, table)[1]


def test_rare_levels_are_no_slices_and_a_constant_is_no_column() -> None:
    texts = np.array([f"t{k}" for k in range(60)])[np.minimum(np.arange(3000) // 20, 59)]
    table = pa.table({"many": texts, "one": ["same"] * 3000, "long": ["x" * 700] * 1500 + ["y"] * 1500})

    many, long = slice_columns(table)

    assert (many.name, len(many.levels)) == ("many", 30)
    assert (many.codes == 0).any()
    assert [level.label for level in long.levels] == ["y"]


def test_two_names_of_one_thing_are_shown_once() -> None:
    loss, table = make_world(40_000, 8, planted=True)
    twin = table.append_column("area", pa.array([f"in {one}" for one in table["region"].to_pylist()]))

    found = weak_slices(loss, slice_columns(twin), np.arange(40_000))

    whole = [one for one in found.slices if len(one.columns) == 1]
    assert len(whole) == 1
    assert found.proven > len(found.slices)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [(np.ones(60), "is too small; it needs 100"), (np.zeros(4000), "no row has any loss")],
)
def test_what_cannot_be_searched_says_why(loss: np.ndarray, reason: str) -> None:
    column = make_column("a", np.arange(loss.size) % 2 + 1, 2)

    found = weak_slices(loss, [column], np.arange(loss.size))

    assert found.slices == ()
    assert found.reason is not None
    assert reason in found.reason
    assert weak_slices(loss, [], np.arange(loss.size)).reason == "there is no column to search over"
    assert weak_slices(np.zeros(0), [make_column("a", np.zeros(0), 2)], []).mean_loss is None


def test_the_same_rows_in_another_order_give_the_same() -> None:
    loss, table = make_world(20_000, 9, planted=True)
    order = np.random.default_rng(0).permutation(20_000)
    ids = np.arange(20_000)

    one = weak_slices(loss, slice_columns(table), ids)
    other = weak_slices(loss[order], slice_columns(table.take(order)), ids[order])

    assert [x.expression for x in one.slices] == [x.expression for x in other.slices]
    assert one.slices[0].p == pytest.approx(other.slices[0].p)
    assert one.to_json()["slices"][0]["columns"] == list(one.slices[0].columns)


def test_bad_input_is_refused() -> None:
    column = make_column("a", np.ones(10), 2)
    for loss in (-np.ones(10), np.full(10, np.nan), np.ones(9)):
        with pytest.raises(ValueError, match=r"loss|number of rows"):
            weak_slices(loss, [column], np.arange(10))
    for wrong in ({"least_rows": 1}, {"least_factor": 0.5}, {"depth": 4}, {"false_share": 0.6}):
        with pytest.raises(ValueError, match=r"slice|findings"):
            SliceSpec(**wrong)
