"""Many classes and regression against scikit-learn."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from analysis.contracts.costs import ClassCosts, Costs, UnitCosts, costs_read
from analysis.contracts.report import Report
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.report import csv_text
from analysis.segment_metrics.multiclass import influence_cells, multiclass_rows
from analysis.statistics import Statistics, statistics_write
from analysis.tests.factories import make_segment

CLASSES = ("a", "b", "c")


def many(n: int = 1500, seed: int = 3) -> EvaluationRows:
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])

    def scores(noise: float) -> np.ndarray:
        raw = np.exp(1.5 * np.eye(3)[truth] + noise * rng.normal(size=(n, 3)))
        return raw / raw.sum(axis=1, keepdims=True)

    columns = pa.table({"g": rng.choice(["x", "y"], n)})
    return EvaluationRows(
        np.arange(n), truth, columns, ModelOutput(scores=scores(0.8)), ModelOutput(scores=scores(1.6))
    )


def many_report(rows: EvaluationRows) -> Report:
    spec = EvaluateSpec(task="MULTICLASS", classes=CLASSES, segments=(make_segment("G", "g"),))
    return evaluate_table(rows, spec)[0]


def test_many_classes_equal_scikit_learn() -> None:
    rows = many()
    groups = np.asarray(rows.columns["g"].to_pylist())
    assert rows.candidate.scores is not None

    report = many_report(rows)

    for key, inside in (("overall", groups != ""), ("G=x", groups == "x"), ("G=y", groups == "y")):
        y, s = rows.truth[inside], rows.candidate.scores[inside]
        p = s.argmax(axis=1)
        group = report.group(key)
        assert group is not None
        expected = {
            "accuracy": sk.accuracy_score(y, p),
            "balanced_accuracy": sk.balanced_accuracy_score(y, p),
            "macro_f1": sk.f1_score(y, p, average="macro"),
            "weighted_f1": sk.f1_score(y, p, average="weighted"),
            "macro_precision": sk.precision_score(y, p, average="macro"),
            "macro_recall": sk.recall_score(y, p, average="macro"),
            "log_loss": sk.log_loss(y, s),
            "recall:b": sk.recall_score(y, p, average=None)[1],
            "precision:c": sk.precision_score(y, p, average=None)[2],
        }
        for name, value in expected.items():
            assert group.metrics[name].value == pytest.approx(value, abs=1e-12), name
        assert group.confusion == sk.confusion_matrix(y, p).tolist()
    assert report.confusion is not None
    assert report.confusion["labels"] == list(CLASSES)


def test_many_classes_find_the_better_model() -> None:
    report = many_report(many())

    paired = report.overall.paired
    assert paired is not None
    assert paired.differences["accuracy"].verdict == "better"
    assert paired.differences["macro_f1"].verdict == "better"
    assert paired.differences["log_loss"].verdict == "better"


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "weighted_f1", "macro_precision", "macro_recall"])
def test_influence_is_the_derivative(name: str) -> None:
    from analysis.segment_metrics.multiclass import aggregate_values

    counts = np.array([[[30.0, 4, 2], [5, 20, 1], [3, 0, 12]]])
    step = 1e-5

    cells = influence_cells(counts, name)

    for truth in range(3):
        for word in range(3):
            up, down = counts.copy(), counts.copy()
            up[0, truth, word] += step
            down[0, truth, word] -= step
            if counts[0, truth, word] == 0:
                down = counts
            wide = up[0, truth, word] - down[0, truth, word]
            slope = (aggregate_values(up)[name] - aggregate_values(down)[name]) / wide
            assert cells[0, truth, word] == pytest.approx(slope[0], abs=1e-6)
    assert (cells * counts).sum() == pytest.approx(0, abs=1e-12)


def test_probabilities_are_checked() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        multiclass_rows(np.array([0]), 2, np.array([[0.5, 0.1]]), None)


def numbers(n: int = 1200, seed: int = 4) -> EvaluationRows:
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(n) < 0.1, 0.0, 1000 + rng.normal(size=n))
    return EvaluationRows(
        np.arange(n),
        truth,
        pa.table({"g": rng.choice(["x", "y"], n)}),
        ModelOutput(predicted=truth + 0.3 * rng.normal(size=n)),
        ModelOutput(predicted=truth + 0.6 * rng.normal(size=n) + 0.2),
    )


def test_regression_equals_scikit_learn() -> None:
    rows = numbers()
    groups = np.asarray(rows.columns["g"].to_pylist())
    assert rows.candidate.predicted is not None
    spec = EvaluateSpec(task="REGRESSION", segments=(make_segment("G", "g"),), tolerance=0.5)

    report, arrays = evaluate_table(rows, spec)

    for key, inside in (("overall", groups != ""), ("G=x", groups == "x")):
        y, p = rows.truth[inside].astype(float), rows.candidate.predicted[inside].astype(float)
        group = report.group(key)
        assert group is not None
        expected = {
            "mae": sk.mean_absolute_error(y, p),
            "rmse": sk.root_mean_squared_error(y, p),
            "r2": sk.r2_score(y, p),
            "mean_error": (p - y).mean(),
            "mape": sk.mean_absolute_percentage_error(y[y != 0], p[y != 0]),
            "within_tolerance": (np.abs(p - y) <= 0.5).mean(),
        }
        for name, value in expected.items():
            assert group.metrics[name].value == pytest.approx(value, abs=1e-9), name
    paired = report.overall.paired
    assert paired is not None
    assert {name: one.verdict for name, one in paired.differences.items() if name != "mean_error"} == {
        "mae": "better",
        "rmse": "better",
        "r2": "better",
        "mape": "better",
        "within_tolerance": "better",
        "median_error": "not proven",
        "p90_error": "not proven",
    }
    assert Statistics.read(statistics_write(arrays)).rows["G=y"] == 2


def test_regression_without_spread_has_no_r_squared() -> None:
    rows = EvaluationRows(np.arange(3), np.zeros(3), pa.table({"g": ["x"] * 3}), ModelOutput(predicted=np.ones(3)))

    report, _ = evaluate_table(rows, EvaluateSpec(task="REGRESSION"))

    assert report.overall.metrics["r2"].undefined == "the truth does not vary"
    assert report.overall.metrics["mape"].undefined == "every truth is zero"
    assert report.overall.metrics["mae"].value == 1.0


@pytest.mark.parametrize("matrix", [None, {"a": {"b": 20.0}, "c": {"a": 7.0}}])
def test_errors_of_many_classes_are_priced_by_segment(matrix: dict[str, dict[str, float]] | None) -> None:
    rows = many()
    costs = ClassCosts(5.0, matrix)
    spec = EvaluateSpec(task="MULTICLASS", classes=CLASSES, segments=(make_segment("G", "g"),), costs=costs)

    report, _ = evaluate_table(rows, spec)

    prices = np.asarray([[costs.price(one, said) for said in CLASSES] for one in CLASSES])
    for key in ("overall", "G=x", "G=y"):
        group = report.group(key)
        assert group is not None
        assert group.paired is not None
        assert group.baseline is not None
        cost, change = group.metrics["cost_per_100"], group.paired.differences["cost_per_100"]
        confusion = np.asarray(group.confusion)
        assert cost.value == pytest.approx(100 * (confusion * prices).sum() / confusion.sum())
        assert cost.low is not None
        assert cost.high is not None
        assert 0 < cost.low < cost.value < cost.high
        assert change.value == pytest.approx(cost.value - (group.baseline["cost_per_100"].value or 0))
        assert change.verdict == "better"
    assert any(one.metric == "cost_per_100" for one in report.disparities)


def test_one_price_is_proven_exactly_when_the_accuracy_is() -> None:
    spec = EvaluateSpec(task="MULTICLASS", classes=CLASSES, segments=(make_segment("G", "g"),), costs=ClassCosts(5.0))

    report, _ = evaluate_table(many(200), spec)

    for group in report.groups:
        assert group.paired is not None
        found = group.paired.differences
        assert found["cost_per_100"].p == found["accuracy"].p
        assert found["cost_per_100"].value == pytest.approx(-500 * (found["accuracy"].value or 0))


def test_errors_of_a_number_are_priced_by_their_size() -> None:
    spec = EvaluateSpec(task="REGRESSION", segments=(make_segment("G", "g"),), costs=UnitCosts(2.5))

    report, _ = evaluate_table(numbers(), spec)

    for group in report.groups:
        assert group.paired is not None
        cost, mae = group.metrics["cost_per_100"], group.metrics["mae"]
        assert cost.value == pytest.approx(250 * (mae.value or 0))
        assert cost.high == pytest.approx(250 * (mae.high or 0))
        assert group.paired.differences["cost_per_100"].p == group.paired.differences["mae"].p
    assert report.costs == {"per_unit": 2.5}
    assert "cost_per_100" in csv_text(report)
    assert Report.from_json(report.to_json()) == report


def test_costs_are_those_of_the_task() -> None:
    assert costs_read("REGRESSION", {"false_positive": 1, "false_negative": 2}) is None
    assert costs_read("MULTICLASS", {"per_error": 3}) == ClassCosts(3.0)
    with pytest.raises(ValueError, match="of the task"):
        EvaluateSpec(task="REGRESSION", costs=Costs(1, 2))
