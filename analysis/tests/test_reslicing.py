"""Other groups and intervals from stored statistics equal a new evaluation; replicates equal a bootstrap of rows."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from scipy.special import digamma

from analysis.contracts.report import Report
from analysis.contracts.segments import Bands, Support
from analysis.evaluate import EvaluationRows, ModelOutput, evaluate_table
from analysis.report import (
    Statistics,
    bands_merge,
    crossing_marginalise,
    disparities_replicate,
    interval_move,
    threshold_move,
)
from analysis.segment_metrics.binned import _digamma
from analysis.statistics import statistics_write
from analysis.tests.factories import COLOUR, EMPLOYED, make_binary, make_segment, make_spec

FINE = make_segment("Age", "age", bands=Bands((20.0, 25.0, 35.0, 50.0), ("a", "b", "c", "d", "e")))
SPEC = make_spec(segments=(FINE, EMPLOYED))
COARSE = {"under 25": ["a", "b"], "25 and over": ["c", "d", "e"]}


@pytest.fixture(scope="module")
def stored() -> tuple[EvaluationRows, Report, Statistics]:
    rows = make_binary(4000, 31)
    report, arrays = evaluate_table(rows, SPEC)
    return rows, report, Statistics.read(statistics_write(arrays))


def close(found: object, expected: object) -> None:
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_merged_bands_equal_a_new_evaluation(stored: tuple[EvaluationRows, Report, Statistics]) -> None:
    rows, report, statistics = stored
    coarse = make_segment("Age", "age", bands=Bands((25.0,), tuple(COARSE)))
    fresh, _ = evaluate_table(rows, make_spec(segments=(coarse, EMPLOYED)))

    slices = bands_merge(report, statistics, "Age", COARSE)

    assert {one.key for one in slices} == {group.key for group in fresh.groups if "Age" in group.key}
    for one in slices:
        group = fresh.group(one.key)
        assert group is not None
        assert one.n == group.n
        for name, estimate in group.metrics.items():
            mine = one.metrics[name]
            if name in ("roc_auc", "pr_auc"):
                assert mine.value == pytest.approx(estimate.value, abs=3e-3)
                assert mine.low is not None
                assert estimate.low is not None
                assert mine.low <= estimate.low + 1e-3
            else:
                close((mine.value, mine.low, mine.high), (estimate.value, estimate.low, estimate.high))


def test_a_band_that_stays_keeps_its_exact_areas(stored: tuple[EvaluationRows, Report, Statistics]) -> None:
    _, report, statistics = stored

    slices = bands_merge(report, statistics, "Age", {"a": ["a"], "rest": ["b", "c", "d", "e"]})

    kept, group = next(one for one in slices if one.key == "Age=a"), report.group("Age=a")
    assert group is not None
    assert kept.metrics["roc_auc"].value == group.metrics["roc_auc"].value


@pytest.mark.parametrize(
    ("segment", "bands", "error"),
    [
        ("Nobody", {}, KeyError),
        ("Age", {"x": ["a", "z"]}, KeyError),
        ("Age", {"x": ["a", "b"]}, ValueError),
        ("Age", {"x": ["a", "b", "c", "d", "e"], "y": ["a"]}, ValueError),
    ],
)
def test_bands_are_checked(
    stored: tuple[EvaluationRows, Report, Statistics], segment: str, bands: dict[str, list[str]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        bands_merge(stored[1], stored[2], segment, bands)


def test_a_marginalised_crossing_is_its_segment(stored: tuple[EvaluationRows, Report, Statistics]) -> None:
    _, report, statistics = stored

    slices = crossing_marginalise(report, statistics, ("Age", "Employed"), ("Employed",))

    for one in slices:
        group = report.group(one.key)
        assert group is not None
        assert one.n == group.n
        for name in ("accuracy", "fnr", "brier", "ece", "cost_per_100"):
            close(one.metrics[name].value, group.metrics[name].value)
    with pytest.raises(KeyError):
        crossing_marginalise(report, statistics, ("Age", "Nobody"), ("Age",))
    with pytest.raises(KeyError):
        crossing_marginalise(report, statistics, ("Age", "Employed"), ("Colour",))


def test_what_is_hidden_stays_hidden_when_merged() -> None:
    table = pa.table({"g": ["rare"] * 10 + ["small"] * 60 + ["big"] * 430, "h": ["x", "y"] * 250})
    rows = replace(make_binary(500, 3), columns=table)
    least = Support(50, 5, 5)
    segments = (
        make_segment("G", "g", "PROTECTED", least_support=least),
        make_segment("H", "h", least_support=Support(0, 0, 0)),
    )
    report, arrays = evaluate_table(rows, make_spec(segments=segments, least_support=least))
    statistics = Statistics.of(arrays)

    slices = bands_merge(report, statistics, "G", {"few": ["rare", "small"], "many": ["big"]})

    few = next(one for one in slices if one.key == "G=few")
    assert (few.n, few.suppressed, few.metrics) == (None, "a part of it is hidden", {})
    assert next(one for one in slices if one.key == "G=many").n == 430


def test_another_level_equals_a_new_evaluation(stored: tuple[EvaluationRows, Report, Statistics]) -> None:
    rows, report, statistics = stored
    fresh, _ = evaluate_table(rows, replace(SPEC, level=0.8))

    found = interval_move(report, statistics, 0.8)

    for key, metrics in found.items():
        group = fresh.group(key)
        assert group is not None
        assert metrics == dict(group.metrics)
    with pytest.raises(ValueError, match="level"):
        interval_move(report, statistics, 1.0)


def test_a_threshold_is_moved_with_weights_too() -> None:
    rows = make_binary(1500, 4, baseline=False)
    weights = np.random.default_rng(4).uniform(0.5, 2, 1500)
    spec = make_spec(segments=(EMPLOYED,))
    report, arrays = evaluate_table(replace(rows, weights=weights), spec)
    other = replace(rows, weights=weights, candidate=ModelOutput(scores=rows.candidate.scores, threshold=0.3))

    moved = threshold_move(report, Statistics.read(statistics_write(arrays)), 0.3)

    fresh, _ = evaluate_table(other, spec)
    for key, metrics in moved.groups.items():
        group = fresh.group(key)
        assert group is not None
        for name, mine in metrics.items():
            theirs = group.metrics[name]
            close((mine.value, mine.low, mine.high), (theirs.value, theirs.low, theirs.high))


def test_replicates_equal_a_bootstrap_of_rows() -> None:
    rows = make_binary(3000, 8, baseline=False)
    assert rows.candidate.scores is not None
    report, arrays = evaluate_table(rows, make_spec(segments=(COLOUR, EMPLOYED)))
    truth, said = rows.truth, rows.candidate.scores >= 0.5
    colour = np.asarray(rows.columns["colour"].to_pylist())
    frame = MetricFrame(
        metrics=selection_rate, y_true=truth, y_pred=said, sensitive_features=colour, n_boot=300,
        ci_quantiles=[0.025, 0.5, 0.975], random_state=3,
    )  # fmt: skip

    found = disparities_replicate(report, Statistics.of(arrays), seed=5)
    again = disparities_replicate(report, Statistics.of(arrays), seed=5, threads=1)

    by_name = {(one.dimension, one.kind, one.metric): one for one in found}
    assert set(by_name) == {
        (one.dimension, one.kind, one.metric) for one in report.disparities if one.value is not None
    }
    mine = by_name["Colour", "RANGE", "selection_rate"].quantiles()
    for ours, theirs in zip(mine, frame.difference_ci(), strict=True):
        assert ours == pytest.approx(theirs, abs=0.01)
    for one, two in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.values, two.values)
    for one in report.disparities:
        if one.value is not None and one.kind == "RANGE" and one.metric != "ece":
            low, _, high = by_name[one.dimension, one.kind, one.metric].quantiles((0.0005, 0.5, 0.9995))
            assert low is not None
            assert high is not None
            assert low <= one.value + 1e-9
            assert one.value <= high + 1e-9
    with pytest.raises(ValueError, match="at least one"):
        disparities_replicate(report, Statistics.of(arrays), replicates=0)


def test_the_web_needs_no_compiler_for_stored_statistics() -> None:
    code = (
        "import analysis.report, sys; print([m for m in ('numba', 'scipy', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_our_digamma_is_scipys() -> None:
    x = np.concatenate([np.linspace(0.01, 20, 500), np.logspace(1, 9, 50)])

    np.testing.assert_allclose(_digamma(x), digamma(x), rtol=1e-13, atol=1e-12)
