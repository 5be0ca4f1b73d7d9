"""Parts of files: exact parts give the report of the whole, counts give it up to the stated bound."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from analysis.contracts.report import Report
from analysis.contracts.segments import QuantileBands
from analysis.evaluate import EvaluateSpec, evaluate_table
from analysis.segment_metrics.binary_rows import RowCodes, binary_rows, binary_statistics
from analysis.segment_metrics.binned import ranks_of_bins
from analysis.statistics import Arrays
from analysis.streaming import CountsPart, RowsPart, Scan, evaluate_files, part_of, parts_merge, rows_fit
from analysis.tests.factories import EMPLOYED, make_grouping, make_segment, make_spec
from analysis.tests.files import SCAN, SPEC, rows_of, table_of, write


def batches(table: pa.Table, size: int) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, size):
        yield table.slice(start, size)


@pytest.fixture(scope="module")
def whole() -> tuple[Report, Arrays]:
    return evaluate_table(rows_of(), SPEC)


def test_exact_parts_give_the_report_of_the_whole(whole: tuple[Report, Arrays]) -> None:
    report, arrays = part_of(batches(table_of(rows_of()), 700), SCAN, SPEC, exact=True).finish(SCAN, SPEC)

    assert report == whole[0]
    for name, array in whole[1].items():
        np.testing.assert_array_equal(arrays[name], array)


def test_counts_give_the_report_of_the_whole_up_to_their_bound(whole: tuple[Report, Arrays]) -> None:
    part = part_of(batches(table_of(rows_of()), 700), SCAN, SPEC, exact=False)

    report, arrays = part.finish(SCAN, SPEC)

    assert [group.key for group in report.groups] == [group.key for group in whole[0].groups]
    bounds = dict(zip(arrays["keys"].tolist(), arrays["candidate_rank_bounds"], strict=True))
    for one, exact in zip(report.groups, whole[0].groups, strict=True):
        assert (one.n, one.positives, one.suppressed, one.thin) == (
            exact.n,
            exact.positives,
            exact.suppressed,
            exact.thin,
        )
        for name, estimate in exact.metrics.items():
            found = one.metrics[name]
            if name in ("roc_auc", "pr_auc"):
                bound = bounds[one.key][0 if name == "roc_auc" else 1]
                if estimate.value is None or found.value is None:
                    assert estimate.value == found.value
                    continue
                assert abs(found.value - estimate.value) <= bound + 1e-12
                assert "score bins" in (found.method or "score bins")
                continue
            for mine, theirs in ((found.value, estimate.value), (found.low, estimate.low), (found.high, estimate.high)):
                assert mine == pytest.approx(theirs, abs=1e-12), (one.key, name)
        if exact.paired is not None and one.paired is not None:
            assert one.paired.mcnemar_p == exact.paired.mcnemar_p
            for name in ("accuracy", "brier", "f1"):
                mine, theirs = one.paired.differences[name], exact.paired.differences[name]
                assert (mine.value, mine.p) == pytest.approx((theirs.value, theirs.p), abs=1e-9)
    np.testing.assert_array_equal(arrays["candidate_histogram"], whole[1]["candidate_histogram"])
    assert any("1000 score bins" in note for note in report.notes)
    assert Report.from_json(report.to_json()) == report


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.randoms())
def test_the_order_and_the_size_of_parts_do_not_matter(cuts: list[int], random: object) -> None:
    table = table_of(rows_of(800, 9))
    spec = replace(SPEC, triples=())
    parts, at = [], 0
    for size in [*cuts, 800]:
        piece = table.slice(at, size)
        if piece.num_rows:
            parts.append(part_of([piece], SCAN, spec, exact=False, first=at))
        at += size
    random.shuffle(parts)  # type: ignore[attr-defined]

    report, _ = parts_merge(parts).finish(SCAN, spec)

    plain, _ = part_of([table], SCAN, spec, exact=False).finish(SCAN, spec)
    for one, two in zip(report.groups, plain.groups, strict=True):
        assert (one.key, one.n, one.suppressed) == (two.key, two.n, two.suppressed)
        for name in two.metrics:
            assert one.metrics[name].value == pytest.approx(two.metrics[name].value, abs=1e-12), name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=60))
def test_areas_from_bins_keep_their_bound(rows: list[tuple[bool, float]]) -> None:
    truth, score = np.array([one[0] for one in rows]), np.array([one[1] for one in rows])
    if truth.all() or not truth.any():
        truth[0] = not truth[0]
    grouping = make_grouping(np.zeros(truth.size, np.int32), 1)
    fine = binary_rows(truth, score, 0.5, bins=200)

    found = ranks_of_bins(binary_statistics(grouping, fine, RowCodes.gather(grouping.parts, fine.order)))

    assert found.rank_bounds is not None
    assert abs(found.ranks[0, 0] - sk.roc_auc_score(truth, score)) <= found.rank_bounds[0, 0] + 1e-12
    assert abs(found.ranks[0, 2] - sk.average_precision_score(truth, score)) <= found.rank_bounds[0, 1] + 1e-12


def test_files_are_read_exactly_where_they_fit(tmp_path: Path, whole: tuple[Report, Arrays]) -> None:
    paths = write(tmp_path, table_of(rows_of()), 3)

    report, _ = evaluate_files(paths, SCAN, SPEC)
    small, _ = evaluate_files(paths, SCAN, SPEC, memory_bytes=1000)

    assert report == whole[0]
    assert small.row_digest != report.row_digest
    assert small.overall.metrics["accuracy"] == report.overall.metrics["accuracy"]


def test_rows_of_no_number_are_numbered_through_all_files(tmp_path: Path, whole: tuple[Report, Arrays]) -> None:
    paths = write(tmp_path, table_of(rows_of()), 2)

    report, _ = evaluate_files(paths, replace(SCAN, row=None), SPEC)

    assert report.row_digest == whole[0].row_digest


def test_weights_are_summed_in_parts_too() -> None:
    rows = rows_of(900)
    weights = np.random.default_rng(2).uniform(0.5, 2, 900)
    table = table_of(rows).append_column("weight", pa.array(weights))
    spec = make_spec(segments=(EMPLOYED,))
    scan = replace(SCAN, weight="weight")

    report, _ = part_of(batches(table, 250), scan, spec, exact=False).finish(scan, spec)

    exact, _ = evaluate_table(replace(rows, weights=weights), spec)
    for one, two in zip(report.groups, exact.groups, strict=True):
        assert (one.n, one.thin) == (two.n, two.thin)
        for name in ("accuracy", "f1", "log_loss", "ece"):
            mine, theirs = one.metrics[name], two.metrics[name]
            assert (mine.value, mine.low, mine.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=1e-9)
        assert one.metrics["roc_auc"].value == pytest.approx(two.metrics["roc_auc"].value, abs=1e-2)


def test_exact_parts_hold_other_tasks_too() -> None:
    rng = np.random.default_rng(3)
    truth = rng.normal(size=500)
    table = pa.table({"truth": truth, "said": truth + rng.normal(size=500), "g": rng.choice(["x", "y"], 500)})
    spec, scan = EvaluateSpec("REGRESSION", (make_segment("G", "g"),)), Scan("truth", predicted="said")

    report, _ = part_of(batches(table, 130), scan, spec, exact=True).finish(scan, spec)

    assert report.overall.metrics["mae"].value == pytest.approx(np.abs(table["said"].to_numpy() - truth).mean())
    with pytest.raises(ValueError, match="two classes"):
        part_of([table], scan, spec, exact=False)


def test_a_segment_that_does_not_fit_one_part_fits_none() -> None:
    table = pa.table({"truth": [True, False], "score": [0.2, 0.9], "x": ["a", "b"]})
    wide = pa.table({"truth": [True] * 300, "score": [0.5] * 300, "x": [f"v{index}" for index in range(300)]})
    scan, spec = Scan("truth", "score"), EvaluateSpec("BINARY", (make_segment("X", "x"),))

    for exact in (True, False):
        report, _ = part_of([table, wide], scan, spec, exact=exact).finish(scan, spec)

        assert "too many" in (report.dimensions[0].error or "")
        assert [group.key for group in report.groups] == ["overall"]


def test_parts_are_checked(tmp_path: Path) -> None:
    table = pa.table({"truth": [True, None], "score": [0.2, 0.9]})
    scan, spec = Scan("truth", "score"), EvaluateSpec("BINARY")

    with pytest.raises(ValueError, match="without a value"):
        part_of([table], scan, spec, exact=True)
    with pytest.raises(ValueError, match="no rows"):
        part_of([table.slice(0, 0)], scan, spec, exact=True)
    with pytest.raises(ValueError, match="one kind"):
        parts_merge([])
    good = pa.table({"truth": [True, False], "score": [0.2, 0.9]})
    with pytest.raises(ValueError, match="one kind"):
        parts_merge([RowsPart.of(good, scan, spec, 0), CountsPart.of(good, scan, spec, 0)])
    pq.write_table(good, tmp_path / "a.parquet")
    with pytest.raises(KeyError, match="no column nowhere"):
        evaluate_files([tmp_path / "a.parquet"], Scan("truth", "nowhere"), spec)
    assert rows_fit(10, scan, spec, 10_000)
    assert not rows_fit(10**9, scan, spec, 10_000)


def test_bands_of_equal_size_are_fixed_over_all_files(tmp_path: Path) -> None:
    rows = rows_of(1000)
    banded = (make_segment("Band", "age", bands=QuantileBands(4)), EMPLOYED)
    spec = make_spec(segments=banded)
    table = table_of(rows)
    table = table.take(pa.array(np.argsort(np.asarray(table["age"]), kind="stable")))

    exact, _ = evaluate_table(rows, spec)
    for memory in (None, 1000):
        report, _ = evaluate_files(write(tmp_path, table, 3), SCAN, spec, memory_bytes=memory)
        assert report.dimensions[0].levels == exact.dimensions[0].levels
        assert [group.n for group in report.groups] == [group.n for group in exact.groups]
    with pytest.raises(ValueError, match="bands_fix"):
        part_of([table], SCAN, spec, exact=True)
