"""Fairness criteria: against fairlearn and by hand, for every kind of task, and with reasons where undefined."""

import json

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
)
from sklearn.metrics import precision_score

from analysis.contracts.costs import Costs
from analysis.criteria import (
    CRITERIA,
    RANKING,
    CriterionResult,
    binary_criteria,
    criteria_for,
    multiclass_criteria,
    ranking_criteria,
    regression_criteria,
)
from analysis.segment_metrics.binary import BinaryStatistics
from analysis.tests.plain import plain_statistics

LABELS = ("a", "b", "c")
OPEN = (None, None, None)


def make_rows(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group codes, truths and scores; the groups differ in base rate."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n).astype(np.int32)
    truth = rng.random(n) < np.array([0.2, 0.35, 0.5])[codes]
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * truth - 0.8)))
    return codes, truth, score


def make_statistics(codes: np.ndarray, truth: np.ndarray, score: np.ndarray, size: int = 3) -> BinaryStatistics:
    return plain_statistics(codes, truth, score, size)


def confusion_of(codes: np.ndarray, truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Counts by group, truth and prediction of three classes."""
    found = np.zeros((codes.max() + 1, 3, 3), np.int64)
    np.add.at(found, (codes, truth, said), 1)
    return found


def by_code(results: list[CriterionResult], of: str | None = None) -> dict[str, CriterionResult]:
    return {one.criterion: one for one in results if one.of == of}


def test_binary_criteria_equal_fairlearn() -> None:
    codes, truth, score = make_rows()
    said = score >= 0.5

    found = by_code(binary_criteria(make_statistics(codes, truth, score), LABELS, OPEN, costs=Costs(3, 7)))

    rest = {"sensitive_features": codes}
    assert found["DEMOGRAPHIC_PARITY"].value == pytest.approx(demographic_parity_difference(truth, said, **rest))
    assert found["FOUR_FIFTHS"].value == pytest.approx(demographic_parity_ratio(truth, said, **rest))
    assert found["EQUAL_OPPORTUNITY"].value == pytest.approx(equal_opportunity_difference(truth, said, **rest))
    assert found["EQUALIZED_ODDS"].value == pytest.approx(equalized_odds_difference(truth, said, **rest))
    frame = MetricFrame(metrics=precision_score, y_true=truth, y_pred=said, **rest)
    assert found["PREDICTIVE_PARITY"].value == pytest.approx(frame.difference())
    money = [100 * (3 * (said & ~truth)[codes == g].mean() + 7 * (truth & ~said)[codes == g].mean()) for g in range(3)]
    assert found["COST_PARITY"].value == pytest.approx(max(money) - min(money))
    tenth = np.minimum((score * 10).astype(int), 9)
    errors = [
        sum(abs((score - truth)[(codes == g) & (tenth == b)].sum()) for b in range(10)) / (codes == g).sum()
        for g in range(3)
    ]
    assert found["CALIBRATION"].value == pytest.approx(max(errors))
    assert set(found) == {one.code for one in criteria_for("BINARY")}
    for one in found.values():
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert len({each.label for each in one.groups}) == 3


def test_a_limit_is_held_against_the_interval() -> None:
    statistics = make_statistics(*make_rows())

    def holding(**limits: float) -> CriterionResult:
        return by_code(binary_criteria(statistics, LABELS, OPEN, limits=limits))["DEMOGRAPHIC_PARITY"]

    plain = holding()
    assert plain.holding is None
    assert plain.value is not None
    assert holding(DEMOGRAPHIC_PARITY=0.9).holding == "holds"
    assert holding(DEMOGRAPHIC_PARITY=plain.value).holding == "not proven"
    assert holding(DEMOGRAPHIC_PARITY=0.001).holding == "does not hold"


def test_four_fifths_is_a_ratio_that_has_to_be_large() -> None:
    counts = np.array([[5000, 5000], [6500, 3500], [5100, 4900]])
    codes = np.repeat([0, 1, 2], 10_000).astype(np.int32)
    score = np.concatenate([np.repeat([0.2, 0.8], part) for part in counts])
    statistics = make_statistics(codes, np.zeros(30_000, bool), score)

    uneven = by_code(binary_criteria(statistics, LABELS, OPEN))["FOUR_FIFTHS"]
    even = by_code(binary_criteria(statistics, LABELS, (None, "left out", None)))["FOUR_FIFTHS"]

    assert (uneven.value, uneven.holding, uneven.lowest) == (pytest.approx(0.7), "does not hold", "b")
    assert (even.value, even.holding) == (pytest.approx(0.98), "holds")
    assert [(one.label, one.reason) for one in even.left_out] == [("b", "left out")]


def test_what_is_undefined_says_why_and_is_never_zero() -> None:
    codes, _, score = make_rows(300)
    nobody = make_statistics(codes, np.zeros(300, bool), score * 0.4)

    found = by_code(binary_criteria(nobody, LABELS, OPEN, limits={"EQUAL_OPPORTUNITY": 0.1}))
    hidden = by_code(binary_criteria(nobody, LABELS, ("hidden",) * 3))

    assert found["EQUAL_OPPORTUNITY"].value is None
    assert found["EQUAL_OPPORTUNITY"].undefined == "fewer than two groups can be compared"
    assert found["EQUAL_OPPORTUNITY"].holding == "not enough data"
    assert [one.reason for one in found["EQUAL_OPPORTUNITY"].left_out] == ["there are no actual positives"] * 3
    assert found["EQUALIZED_ODDS"].value is None
    assert found["FOUR_FIFTHS"].undefined == "every group has the value zero"
    assert found["COST_PARITY"].undefined == "the problem states no costs of errors"
    assert found["DEMOGRAPHIC_PARITY"].value == 0  # nobody is chosen anywhere: that is defined
    assert {one.value for one in hidden.values()} == {None}
    assert hidden["CALIBRATION"].undefined == "no group can be judged"
    assert not any(one.groups for one in hidden.values())


def test_many_classes_are_each_against_the_rest() -> None:
    rng = np.random.default_rng(2)
    n = 2000
    codes, truth = rng.integers(0, 3, n).astype(np.int32), rng.integers(0, 3, n)
    scores = rng.dirichlet(np.ones(3), n) + 0.8 * np.eye(3)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    said = scores.argmax(axis=1)
    confusion = confusion_of(codes, truth, said)
    classes = ("x", "y", "z")

    found = multiclass_criteria(
        confusion,
        classes,
        LABELS,
        OPEN,
        scores=(codes, truth, scores),
        prices=1 - np.eye(3),
        limits={"CALIBRATION": 0.9},
    )

    gaps = []
    for number, name in enumerate(classes):
        one = next(each for each in found if each.of == name and each.criterion == "DEMOGRAPHIC_PARITY")
        expected = demographic_parity_difference(truth == number, said == number, sensitive_features=codes)
        gaps.append(expected)
        plain = by_code(binary_criteria(make_statistics(codes, truth == number, scores[:, number]), LABELS, OPEN))
        calibrated = next(each for each in found if each.of == name and each.criterion == "CALIBRATION")
        assert calibrated.value == pytest.approx(plain["CALIBRATION"].value)
        assert any(each.value == pytest.approx(expected) for each in found if each.of == name)
        assert one.high is not None
    worst = next(each for each in found if each.criterion == "DEMOGRAPHIC_PARITY")
    assert worst.value == pytest.approx(max(gaps))
    assert worst.high == max(each.high for each in found if each.criterion == "DEMOGRAPHIC_PARITY")
    price = next(each for each in found if each.criterion == "COST_PARITY")
    wrong = [100 * (said != truth)[codes == g].mean() for g in range(3)]
    assert price.value == pytest.approx(max(wrong) - min(wrong))
    assert next(each for each in found if each.criterion == "CALIBRATION").holding == "holds"


def test_many_classes_without_scores_or_prices_say_so() -> None:
    truth = np.array([0, 1, 2, 0])
    confusion = confusion_of(np.array([0, 0, 1, 1]), truth, truth)

    found = {one.criterion: one for one in reversed(multiclass_criteria(confusion, "xyz", "ab", (None, None)))}

    assert found["CALIBRATION"].undefined == "in no class: the model gives no scores"
    assert found["COST_PARITY"].undefined == "the problem states no costs of errors"
    assert found["EQUALIZED_ODDS"].undefined is None or found["EQUALIZED_ODDS"].value is None


def test_a_regression_is_compared_by_its_means() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 2, 500).astype(np.int32)
    truth = rng.normal(50, 10, 500)
    predicted = truth + 2 * codes + rng.normal(size=500)

    found = by_code(
        regression_criteria(codes, "ab", (None, None), truth, predicted, per_unit=3, limits={"MEAN_ERROR_PARITY": 1})
    )

    def gap(values: np.ndarray) -> float:
        return abs(values[codes == 0].mean() - values[codes == 1].mean())

    assert found["MEAN_PREDICTION_PARITY"].value == pytest.approx(gap(predicted))
    assert found["MEAN_ERROR_PARITY"].value == pytest.approx(gap(predicted - truth))
    assert found["COST_PARITY"].value == pytest.approx(300 * gap(np.abs(predicted - truth)))
    assert found["MEAN_ERROR_PARITY"].holding == "does not hold"
    assert found["MEAN_ERROR_PARITY"].low == pytest.approx(2, abs=0.5)
    bare = by_code(regression_criteria(codes, "ab", (None, None), truth, predicted))
    assert bare["COST_PARITY"].value is None


def make_lists(lists: int, seed: int, push: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lists of ten results of two groups; the second is pushed down."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, (lists, 10))
    order = np.argsort(rng.normal(size=(lists, 10)) + push * codes, axis=1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, 11)[None, :].repeat(lists, axis=0), axis=1)
    return np.repeat(np.arange(lists), 10), places.ravel(), codes.ravel().astype(np.int32), rng.random(lists * 10)


def test_a_ranking_is_compared_by_exposure() -> None:
    queries, places, codes, relevance = make_lists(200, 1, 0.8)

    found = by_code(ranking_criteria(queries, places, codes, "ab", (None, None), relevance=relevance))

    shown = 1 / np.log2(1 + places)
    means = [shown[codes == g].mean() for g in (0, 1)]
    merit = [shown[codes == g].sum() / relevance[codes == g].sum() for g in (0, 1)]
    assert found["EXPOSURE_PARITY"].value == pytest.approx(min(means) / max(means))
    assert found["EXPOSURE_BY_MERIT"].value == pytest.approx(min(merit) / max(merit))
    assert found["EXPOSURE_PARITY"].lowest == "b"
    assert found["EXPOSURE_PARITY"].high < 1
    assert set(found) == {one.code for one in criteria_for(RANKING)}


def test_exposure_covers_when_lists_are_what_varies() -> None:
    held = 0
    for seed in range(200):
        queries, places, codes, _ = make_lists(60, seed, 0.0)
        one = by_code(ranking_criteria(queries, places, codes, "ab", (None, None)))["EXPOSURE_PARITY"]
        held += one.low <= 1 <= one.high + 1e-12

    assert held >= 188


def test_a_ranking_that_cannot_be_compared_says_why() -> None:
    one_list = np.zeros(4, np.int64), np.arange(1, 5), np.array([0, 0, 1, 1], np.int32)

    found = by_code(ranking_criteria(*one_list, "ab", (None, None)))

    assert found["EXPOSURE_PARITY"].value is None
    assert {one.reason for one in found["EXPOSURE_PARITY"].left_out} == {"there is no interval"}
    assert found["EXPOSURE_BY_MERIT"].undefined == "no relevance is known"
    with pytest.raises(ValueError, match="from 1"):
        ranking_criteria(one_list[0], one_list[1] - 1, one_list[2], "ab", (None, None))
    with pytest.raises(ValueError, match="zero or more"):
        ranking_criteria(*one_list, "ab", (None, None), relevance=-np.ones(4))


def test_every_criterion_has_words_and_a_source() -> None:
    for one in CRITERIA.values():
        assert one.question.endswith("?")
        assert one.definition.endswith(".")
        assert one.source
        assert json.dumps(one.to_json())
    result = binary_criteria(make_statistics(*make_rows(300)), LABELS, OPEN)[0]
    assert result.to_json()["question"] == CRITERIA[result.criterion].question
    assert json.dumps(result.to_json())
    with pytest.raises(KeyError):
        criteria_for("CLUSTERING")
