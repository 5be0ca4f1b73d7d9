"""Two-class metrics against scikit-learn and fairlearn, and properties that always hold."""

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from analysis.contracts.costs import Costs
from analysis.fairness import gap_find
from analysis.segment_metrics.binary import BINS, binary_estimates, count_estimates
from analysis.segment_metrics.binary_rows import binary_rows
from analysis.tests.factories import reduce_binary, reduce_pair


def draw(n: int, seed: int, decimals: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    score = np.round(1 / (1 + np.exp(-(rng.normal(size=n) + 1.2 * truth - 0.5))), decimals)
    return truth, score, rng.integers(0, 4, n).astype(np.int32)


def slow_delong(truth: np.ndarray, score: np.ndarray) -> float:
    """DeLong's variance straight from its definition."""
    positive, negative = score[truth], score[~truth]
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    return float(wins.mean(axis=1).var(ddof=1) / positive.size + wins.mean(axis=0).var(ddof=1) / negative.size)


def slow_ap_variance(truth: np.ndarray, score: np.ndarray) -> float:
    """Sum of squared derivatives of average precision by each row's weight, by differences of scikit-learn's."""
    step, plain = 1e-6, sk.average_precision_score(truth, score)
    found = []
    for row in range(truth.size):
        weight = np.ones(truth.size)
        weight[row] += step
        found.append((sk.average_precision_score(truth, score, sample_weight=weight) - plain) / step)
    return float(np.square(found).sum())


def test_metrics_equal_scikit_learn_in_every_group() -> None:
    truth, score, codes = draw(3000, 1)
    rows = binary_rows(truth, score, 0.5)

    statistics = reduce_binary(codes, 4, rows)
    found = binary_estimates(statistics)

    for group in range(4):
        inside = codes == group
        y, s = truth[inside], score[inside]
        p = s >= 0.5
        expected = {
            "count": inside.sum(),
            "selection_rate": p.mean(),
            "accuracy": sk.accuracy_score(y, p),
            "balanced_accuracy": sk.balanced_accuracy_score(y, p),
            "precision": sk.precision_score(y, p),
            "tpr": sk.recall_score(y, p),
            "tnr": sk.recall_score(~y, ~p),
            "npv": sk.precision_score(~y, ~p),
            "mcc": sk.matthews_corrcoef(y, p),
            "lift": sk.precision_score(y, p) / y.mean(),
            "f1": sk.f1_score(y, p),
            "roc_auc": sk.roc_auc_score(y, s),
            "pr_auc": sk.average_precision_score(y, s),
            "log_loss": sk.log_loss(y, s),
            "brier": sk.brier_score_loss(y, s),
        }
        for name, value in expected.items():
            assert found[name].value[group] == pytest.approx(value, abs=1e-12), name
        assert statistics.ranks[group, 1] == pytest.approx(slow_delong(y, s), rel=1e-9)
        assert statistics.ranks[group, 3] == pytest.approx(slow_ap_variance(y, s), rel=1e-5)


def test_rates_and_gaps_equal_fairlearn() -> None:
    truth, score, codes = draw(3000, 2)
    statistics = reduce_binary(codes, 4, binary_rows(truth, score, 0.5))

    found = binary_estimates(statistics)
    gaps = {
        (kind, metric): gap_find(
            kind, metric, lambda level: binary_estimates(statistics, level=level), np.ones(4, bool), 0.95
        ).value
        for kind, metric in (("RANGE", "selection_rate"), ("RATIO", "selection_rate"), ("EQUALIZED_ODDS", "tpr"))
    }

    sides = {"y_true": truth, "y_pred": score >= 0.5, "sensitive_features": codes}
    rates = {"selection_rate": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate}
    frame = MetricFrame(metrics=rates, **sides)
    for name in rates:
        np.testing.assert_allclose(found[name].value, frame.by_group[name].to_numpy(dtype=float), atol=1e-12)
    assert gaps["RANGE", "selection_rate"] == pytest.approx(demographic_parity_difference(**sides))
    assert gaps["RATIO", "selection_rate"] == pytest.approx(demographic_parity_ratio(**sides))
    assert gaps["EQUALIZED_ODDS", "tpr"] == pytest.approx(equalized_odds_difference(**sides))


def test_undefined_is_no_number_and_says_why() -> None:
    truth, score = np.array([False, False, True]), np.array([0.1, 0.2, 0.3])
    codes = np.array([0, 0, 1], np.int32)

    found = binary_estimates(reduce_binary(codes, 3, binary_rows(truth, score, 0.5)))

    assert found["tpr"].one(0, 2).undefined == "there are no actual positives"
    assert found["fpr"].one(1, 1).undefined == "there are no actual negatives"
    assert found["precision"].one(0, 2).undefined == "no row is predicted positive"
    assert found["roc_auc"].one(0, 2).undefined == "there is only one outcome"
    assert found["accuracy"].one(2, 0).undefined == "there are no rows"
    assert found["f1"].one(0, 2).undefined == "there are neither actual nor predicted positives"
    assert found["tnr"].one(0, 2).value == 1.0


def test_a_perfect_model_is_not_certain() -> None:
    truth = np.arange(20) < 10
    score = np.where(truth, 0.9, 0.1)

    found = binary_estimates(reduce_binary(np.zeros(20, np.int32), 1, binary_rows(truth, score, 0.5)))

    auc = found["roc_auc"].one(0, 20)
    assert auc.value == 1.0
    assert auc.low is not None
    assert auc.low < 0.8


def test_costs_are_money_per_hundred() -> None:
    counts = np.array([[50, 10, 20, 20]])

    cost = count_estimates(counts, costs=Costs(1200, 400))["cost_per_100"].one(0, 100)

    assert cost.value == pytest.approx(10 * 1200 + 20 * 400)
    assert cost.low is not None
    assert cost.high is not None
    assert 0 < cost.low < cost.value < cost.high


def test_the_threshold_counts_as_positive() -> None:
    rows = binary_rows(np.array([True, True]), np.array([0.75, 0.7499]), 0.75)

    assert rows.predicted().tolist() == [True, False]


@pytest.mark.parametrize("score", [[0.5, 1.2], [-0.1, 0.5], [float("nan"), 0.5]])
def test_scores_must_be_probabilities(score: list[float]) -> None:
    with pytest.raises(ValueError, match="probability"):
        binary_rows(np.array([True, False]), np.array(score), 0.5)


def test_bins_agree_with_their_edges() -> None:
    edges = np.arange(BINS + 1) / BINS
    score = np.clip(np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, 1)]), 0, 1)

    statistics = reduce_binary(np.zeros(score.size, np.int32), 1, binary_rows(score > 0.5, score, 0.5))

    rows = statistics.histogram[0].sum(axis=1)
    for edge in range(BINS):
        assert rows[edge:].sum() == (score >= edge / BINS).sum()
    tenths = np.minimum(np.floor(score * 10), 9)
    np.testing.assert_array_equal(statistics.ece[0, :, 0], np.bincount(tenths.astype(int)))


ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda k: k / 20), st.integers(0, 2)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(0, 20).map(lambda k: k / 20))
def test_properties_of_any_rows(rows: list[tuple[bool, float, int]], threshold: float) -> None:
    truth, score = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    codes = np.array([r[2] for r in rows], np.int32)
    prepared = binary_rows(truth, score, threshold)

    split = reduce_binary(codes, 3, prepared)
    whole = reduce_binary(np.zeros(len(rows), np.int32), 1, prepared)
    found = binary_estimates(split, costs=Costs(2, 1))

    for part in ("counts", "histogram", "ece", "sums"):
        np.testing.assert_allclose(getattr(split, part).sum(axis=0), getattr(whole, part)[0], atol=1e-9)
    for name, estimate in found.items():
        known = np.isfinite(estimate.value)
        bounded = known & np.isfinite(estimate.low) & np.isfinite(estimate.high)
        assert (estimate.low[bounded] <= estimate.value[bounded] + 1e-12).all(), name
        assert (estimate.high[bounded] >= estimate.value[bounded] - 1e-12).all(), name
        if name not in ("count", "log_loss", "cost_per_100", "lift"):
            assert (estimate.value[known] <= 1 + 1e-12).all(), name
            assert (estimate.value[known] >= (-1 - 1e-12 if name == "mcc" else -1e-12)).all(), name
    np.testing.assert_allclose(
        found["tpr"].value + found["fnr"].value, np.where(np.isnan(found["tpr"].value), np.nan, 1)
    )


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_auc_does_not_care_about_order_or_scale(rows: list[tuple[bool, float, int]]) -> None:
    truth, score = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    codes = np.array([r[2] for r in rows], np.int32)
    back = np.arange(len(rows))[::-1]

    def ranks(inside: np.ndarray, y: np.ndarray, s: np.ndarray) -> np.ndarray:
        return reduce_binary(inside, 3, binary_rows(y, s, 0.5)).ranks.T

    one = ranks(codes, truth, score)
    two = ranks(codes[back], truth[back], score[back] ** 3)
    flipped = ranks(codes, ~truth, 1 - score)

    np.testing.assert_allclose(one, two, atol=1e-12)
    np.testing.assert_allclose(one[0], flipped[0])
    np.testing.assert_allclose(one[1], flipped[1], atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(0, 2**32 - 1))
def test_areas_equal_scikit_learn_on_any_rows(rows: list[tuple[bool, float, int]], seed: int) -> None:
    truth, score = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    codes = np.array([r[2] for r in rows], np.int32)
    weight = np.random.default_rng(seed).uniform(0.2, 3, truth.size)

    for given_weight in (None, weight):
        found = reduce_binary(codes, 3, binary_rows(truth, score, 0.5, given_weight)).ranks
        for group in range(3):
            inside = codes == group
            y, s, w = truth[inside], score[inside], None if given_weight is None else weight[inside]
            if y.any() and not y.all():
                assert found[group, 0] == pytest.approx(sk.roc_auc_score(y, s, sample_weight=w), abs=1e-12)
            else:
                assert np.isnan(found[group, 0])
            if y.any():
                assert found[group, 2] == pytest.approx(sk.average_precision_score(y, s, sample_weight=w), abs=1e-12)
            else:
                assert np.isnan(found[group, 2])


def test_whole_weights_count_as_repeated_rows() -> None:
    truth, score, codes = draw(600, 5)
    weight = np.random.default_rng(5).integers(1, 4, truth.size)
    again = np.repeat(np.arange(truth.size), weight)

    weighted = reduce_binary(codes, 4, binary_rows(truth, score, 0.5, weight.astype(np.float64)))
    repeated = reduce_binary(codes[again], 4, binary_rows(truth[again], score[again], 0.5))

    for part in ("counts", "histogram", "ece", "sums"):
        np.testing.assert_allclose(getattr(weighted, part), getattr(repeated, part), atol=1e-9)
    one, two = binary_estimates(weighted), binary_estimates(repeated)
    for name in one:
        np.testing.assert_allclose(one[name].value, two[name].value, atol=1e-12, err_msg=name)
    # Rows that merely count more say less than as many rows: the effective number is smaller, intervals are wider.
    assert (one["accuracy"].n < two["accuracy"].n).all()
    assert (one["roc_auc"].high - one["roc_auc"].low > two["roc_auc"].high - two["roc_auc"].low).all()


def test_equal_weights_change_no_interval() -> None:
    truth, score, codes = draw(600, 8)
    other = np.clip(score + 0.2 * np.random.default_rng(8).normal(size=truth.size), 0, 1)

    a, b, pair = reduce_pair(codes, 4, binary_rows(truth, score, 0.5), binary_rows(truth, other, 0.5))
    even = np.full(truth.size, 2.5)
    wa, wb, weighted = reduce_pair(codes, 4, binary_rows(truth, score, 0.5, even), binary_rows(truth, other, 0.5, even))

    for plain, heavy in ((a, wa), (b, wb)):
        one, two = binary_estimates(plain), binary_estimates(heavy)
        for name in set(one) - {"count"}:
            np.testing.assert_allclose(one[name].low, two[name].low, atol=1e-10, err_msg=name)
            np.testing.assert_allclose(one[name].high, two[name].high, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(pair.variances, weighted.variances, rtol=1e-8)
