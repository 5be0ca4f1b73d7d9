"""Paired comparison: exact tests, intervals, correction, verdicts, digest."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.compare import (
    binary_differences,
    mcnemar,
    paired_table,
    verdict_find,
)
from analysis.contracts.costs import Costs
from analysis.contracts.report import NO_DIFFERENCE, NOT_ENOUGH_DATA, NOT_PROVEN
from analysis.evaluate import ModelOutput, evaluate_table
from analysis.inputs import row_digest
from analysis.segment_metrics.binary import binary_estimates
from analysis.segment_metrics.binary_rows import binary_rows
from analysis.tests.factories import make_binary, make_spec, reduce_pair


def slow_delong_difference(truth: np.ndarray, one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """Difference of two AUCs and its variance from DeLong's covariance matrices."""

    def parts(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        positive, negative = score[truth], score[~truth]
        wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
        return wins.mean(axis=1), wins.mean(axis=0)

    (a1, b1), (a2, b2) = parts(one), parts(two)
    s10, s01 = np.cov(a1, a2), np.cov(b1, b2)
    turn = np.array([1, -1])
    return a1.mean() - a2.mean(), turn @ (s10 / a1.size + s01 / b1.size) @ turn


def test_mcnemar_equals_the_exact_binomial_test() -> None:
    pairs = [(3, 9), (9, 3), (5, 5), (1, 0), (243, 193)]

    found = mcnemar([a for a, _ in pairs], [b for _, b in pairs])

    for p, (a, b) in zip(found, pairs, strict=True):
        assert p == pytest.approx(stats.binomtest(a, a + b).pvalue, rel=1e-9)
    assert np.isnan(mcnemar(0, 0))


def test_differences_equal_their_definitions() -> None:
    rows = make_binary(900, 3)
    assert rows.baseline is not None
    one, two = (binary_rows(rows.truth, output.scores, output.threshold) for output in (rows.candidate, rows.baseline))
    codes = np.zeros(900, np.int32)
    a, b, pair = reduce_pair(codes, 1, one, two)
    costs = Costs(3, 1)
    found = binary_estimates(a, costs=costs), binary_estimates(b, costs=costs)

    table, differences = binary_differences(pair, found, costs=costs)

    value, variance = slow_delong_difference(rows.truth, rows.candidate.scores, rows.baseline.scores)
    auc = differences["roc_auc"]
    assert auc.value[0] == pytest.approx(value)
    assert (auc.high[0] - auc.low[0]) / 2 / 1.959964 == pytest.approx(np.sqrt(variance), rel=1e-6)
    for name, difference in differences.items():
        assert difference.value[0] == pytest.approx(found[0][name].value[0] - found[1][name].value[0], abs=1e-12)
        assert difference.low[0] <= difference.value[0] <= difference.high[0], name
    assert table is not None
    right, was_right = one.predicted() == rows.truth, two.predicted() == rows.truth
    assert table.only_candidate[0] == (right & ~was_right).sum()
    assert table.only_baseline[0] == (was_right & ~right).sum()
    assert differences["fnr"].p[0] == differences["tpr"].p[0]


def test_delta_method_agrees_with_a_bootstrap_of_the_counts() -> None:
    rows = make_binary(1500, 6)
    assert rows.baseline is not None
    one, two = (binary_rows(rows.truth, output.scores, output.threshold) for output in (rows.candidate, rows.baseline))
    codes = np.zeros(1500, np.int32)
    a, b, pair = reduce_pair(codes, 1, one, two)
    costs = Costs(3, 1)
    found = binary_estimates(a, costs=costs), binary_estimates(b, costs=costs)
    _, differences = binary_differences(pair, found, costs=costs)

    cells = pair.cells[0].ravel()
    draws = np.random.default_rng(0).multinomial(1500, cells / 1500, 4000).reshape(-1, 2, 2, 2)

    def metrics(counts: np.ndarray) -> dict[str, np.ndarray]:
        (tn, fp), (fn, tp) = counts.transpose(1, 2, 0)
        return {
            "precision": tp / (tp + fp),
            "npv": tn / (tn + fn),
            "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) * 1.0),
            "lift": tp * 1500 / ((tp + fp) * (tp + fn)),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
            "cost_per_100": 100 * (3 * fp + fn) / 1500,
        }

    first, second = metrics(draws.sum(axis=3)), metrics(draws.sum(axis=2))
    for name in first:
        low, high = np.quantile(first[name] - second[name], [0.025, 0.975])
        width = high - low
        assert differences[name].low[0] == pytest.approx(low, abs=0.1 * width), name
        assert differences[name].high[0] == pytest.approx(high, abs=0.1 * width), name


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_paired_cells_add_up(rows: list[tuple[bool, bool, bool]]) -> None:
    truth, a, b = (np.array(column) for column in zip(*rows, strict=True))
    one, two = binary_rows(truth, a.astype(float), 0.5), binary_rows(truth, b.astype(float), 0.5)

    table = paired_table(reduce_pair(np.zeros(len(rows), np.int32), 1, one, two)[2].cells)

    total = table.both_right + table.only_candidate + table.only_baseline + table.both_wrong
    assert total[0] == len(rows)
    assert table.both_right[0] + table.only_candidate[0] == (a == truth).sum()


def test_the_same_model_twice_differs_nowhere() -> None:
    rows = make_binary(600, 9)
    twin = replace(rows, baseline=rows.candidate)

    report, _ = evaluate_table(twin, make_spec(margins={"accuracy": 0.02}))

    paired = report.overall.paired
    assert paired is not None
    assert paired.only_candidate_right == paired.only_baseline_right == 0
    assert paired.mcnemar_p is None
    assert {one.value for one in paired.differences.values()} == {0.0}
    assert {one.verdict for name, one in paired.differences.items() if name != "accuracy"} == {NOT_PROVEN}
    assert paired.differences["accuracy"].verdict == NO_DIFFERENCE


def test_random_differences_are_seldom_findings() -> None:
    """Forty reports on two equally good models: a false finding in at most a few of them after correction."""
    wrong = 0

    for seed in range(40):
        rows = make_binary(500, 100 + seed)
        assert rows.baseline is not None
        equal = replace(rows, baseline=ModelOutput(scores=rows.baseline.scores, threshold=0.5))
        report, _ = evaluate_table(equal, make_spec())
        verdicts = {
            one.verdict
            for group in report.groups
            if group.paired is not None
            for one in group.paired.differences.values()
        }
        wrong += bool(verdicts & {"better", "worse"})

    assert wrong <= 5


@pytest.mark.parametrize(
    ("value", "ends", "p", "better", "margin", "verdict"),
    [
        (0.05, (0.02, 0.08), 0.001, True, None, "better"),
        (0.05, (0.02, 0.08), 0.001, False, None, "worse"),
        (-0.05, (-0.08, -0.02), 0.001, True, 0.01, "worse"),
        (0.05, (0.02, 0.08), 0.2, True, None, "not proven"),
        (0.001, (-0.004, 0.006), 0.5, True, 0.01, "no difference"),
        (0.001, (-0.004, 0.06), 0.5, True, 0.01, "not proven"),
        (0.005, (0.003, 0.007), 0.001, True, 0.01, "no difference"),
        (0.05, (0.02, 0.08), 0.001, None, None, "not proven"),
        (0.05, (0.02, 0.08), float("nan"), True, None, "not proven"),
        (float("nan"), (float("nan"), float("nan")), float("nan"), True, 1.0, NOT_ENOUGH_DATA),
    ],
)
def test_verdicts(
    value: float, ends: tuple[float, float], p: float, better: bool | None, margin: float | None, verdict: str
) -> None:
    assert verdict_find(value, ends, p, higher_is_better=better, margin=margin)[0] == verdict


def test_the_digest_tells_rows_apart_but_not_their_order() -> None:
    ids, truth = np.array([3, 1, 2]), np.array([True, False, True])

    digest = row_digest(ids, truth)

    assert digest == row_digest(ids[::-1], truth[::-1])
    assert digest != row_digest(ids, ~truth)
    assert digest != row_digest(np.array([3, 1, 4]), truth)
    assert row_digest(["a", "b"], np.array([0.5, 1.5])) == row_digest(["b", "a"], np.array([1.5, 0.5]))
