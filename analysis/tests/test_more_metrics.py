"""Metrics that are asked for, and weights, in all tasks: against scikit-learn and from their definitions."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from analysis.contracts.metrics import PERCENT, SCORE, metric_get
from analysis.contracts.report import Report
from analysis.custom import CustomMetric, custom_register
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.tests.factories import EMPLOYED, make_binary, make_segment, make_spec
from analysis.tests.test_other_tasks import CLASSES, many, numbers

G = make_segment("G", "g")


def test_specificity_is_taken_where_recall_first_reaches_the_share() -> None:
    rows = make_binary(1500, 4)
    assert rows.candidate.scores is not None
    ages = np.asarray(rows.columns["age"])

    report, _ = evaluate_table(rows, make_spec(sensitivities=(0.8, 1.0)))

    for key, inside in (("overall", ages > 0), ("Age=under 25", ages < 25)):
        group = report.group(key)
        assert group is not None
        fpr, tpr, _ = sk.roc_curve(rows.truth[inside], rows.candidate.scores[inside], drop_intermediate=False)
        for share in (0.8, 1.0):
            found = group.metrics[f"tnr_at_tpr:{share:g}"]
            assert found.value == pytest.approx(1 - fpr[np.argmax(tpr >= share - 1e-12)], abs=1e-12)
            assert found.low is not None
            assert found.high is not None
            assert found.low <= found.value <= found.high
    assert report.overall.paired is not None
    assert report.overall.paired.differences["tnr_at_tpr:0.8"].low is not None
    assert metric_get("tnr_at_tpr:0.8").label == "Specificity at 80 % recall"


def test_specificity_at_a_recall_covers() -> None:
    """300 samples of 300 rows: the interval holds the true specificity at least 94 times in 100."""
    rng = np.random.default_rng(2)
    groups, n = 180, 300
    truth = rng.random(groups * n) < 0.4
    score = 1 / (1 + np.exp(-(rng.normal(size=truth.size) + 1.5 * truth)))
    rows = EvaluationRows(
        np.arange(truth.size), truth, pa.table({"g": np.repeat(np.arange(groups), n)}), ModelOutput(scores=score)
    )

    report, _ = evaluate_table(rows, EvaluateSpec("BINARY", (G,), sensitivities=(0.9,), crossings=False))

    # Recall .9 is where the positives' normal has a tenth below: at 1.5 - 1.2816 the negatives' has .5864 below.
    held = [one.metrics["tnr_at_tpr:0.9"] for one in report.groups[1:]]
    assert np.mean([(one.low or 0) <= 0.58643 <= (one.high or 0) for one in held]) >= 0.94


def test_undefined_metrics_say_why() -> None:
    rows = make_binary(40, 1, baseline=False)
    none = replace(rows, truth=np.zeros(40, bool), candidate=ModelOutput(scores=np.full(40, 0.2)))

    report, _ = evaluate_table(none, make_spec(sensitivities=(0.9,)))

    found = report.overall.metrics
    for name in ("mcc", "lift", "tnr_at_tpr:0.9"):
        assert found[name].value is None
        assert found[name].undefined
    assert found["npv"].value == 1.0
    every = replace(rows, truth=np.ones(40, bool), candidate=ModelOutput(scores=np.full(40, 0.9)))
    assert evaluate_table(every, make_spec())[0].overall.metrics["npv"].undefined == "no row is predicted negative"


def test_perfect_correlation_is_not_certain() -> None:
    truth = np.arange(30) < 12
    rows = replace(make_binary(30, 1, baseline=False), truth=truth, candidate=ModelOutput(scores=truth * 0.8 + 0.1))

    mcc = evaluate_table(rows, make_spec())[0].overall.metrics["mcc"]

    assert (mcc.value, mcc.high) == (1.0, 1.0)
    assert mcc.low is not None
    assert mcc.low < 0.95


def test_classes_against_the_rest_equal_scikit_learn() -> None:
    rows = many()
    scores = rows.candidate.scores
    assert scores is not None
    spec = EvaluateSpec(task="MULTICLASS", classes=CLASSES, segments=(G,), top_k=(1, 2))

    report, _ = evaluate_table(rows, spec)

    for key in ("overall", "G=x"):
        inside = np.asarray(rows.columns["g"].to_pylist()) != ("y" if key == "G=x" else "")
        y, s = rows.truth[inside], scores[inside]
        group = report.group(key)
        assert group is not None
        expected = {
            "micro_f1": sk.f1_score(y, s.argmax(axis=1), average="micro"),
            "weighted_precision": sk.precision_score(y, s.argmax(axis=1), average="weighted"),
            "f1:b": sk.f1_score(y, s.argmax(axis=1), average=None)[1],
            "roc_auc:c": sk.roc_auc_score(y == 2, s[:, 2]),
            "macro_roc_auc": sk.roc_auc_score(y, s, multi_class="ovr", average="macro"),
            "top_k:1": sk.accuracy_score(y, s.argmax(axis=1)),
            "top_k:2": sk.top_k_accuracy_score(y, s, k=2),
        }
        for name, value in expected.items():
            found = group.metrics[name]
            assert found.value == pytest.approx(value, abs=1e-12), name
            assert found.low is not None
            assert found.high is not None
            assert found.low <= value <= found.high
    assert report.overall.paired is not None
    assert report.overall.paired.differences["top_k:2"].verdict == "better"
    assert Report.from_json(report.to_json()) == report


def test_predictions_without_probabilities_have_no_areas() -> None:
    rows = many(300)
    assert rows.candidate.scores is not None
    bare = replace(rows, candidate=ModelOutput(predicted=rows.candidate.scores.argmax(axis=1)), baseline=None)

    report, _ = evaluate_table(bare, EvaluateSpec(task="MULTICLASS", classes=CLASSES, top_k=(2,)))

    assert report.overall.metrics["top_k:2"].undefined == "the model gives no probabilities"
    assert report.overall.metrics["macro_roc_auc"].value is None
    assert report.overall.metrics["f1:a"].value is not None


def test_quantiles_of_errors_are_rows_of_the_group() -> None:
    rows = numbers()
    predicted = rows.candidate.predicted
    assert predicted is not None
    inside = np.asarray(rows.columns["g"].to_pylist()) == "x"
    errors = np.abs(predicted - rows.truth)

    report, _ = evaluate_table(rows, EvaluateSpec(task="REGRESSION", segments=(G,)))

    for key, mine in (("overall", errors), ("G=x", errors[inside])):
        group = report.group(key)
        assert group is not None
        for name, share in (("median_error", 0.5), ("p90_error", 0.9)):
            found = group.metrics[name]
            assert found.value == np.quantile(mine, share, method="inverted_cdf")
            assert found.low is not None
            assert found.high is not None
            assert found.low < found.value < found.high
    few = EvaluationRows(np.arange(4), np.zeros(4), pa.table({"g": ["x"] * 4}), ModelOutput(predicted=np.arange(4.0)))
    assert evaluate_table(few, EvaluateSpec(task="REGRESSION"))[0].overall.metrics["p90_error"].low is None


def test_residual_curves_add_up_to_the_mean_error() -> None:
    report, _ = evaluate_table(numbers(), EvaluateSpec(task="REGRESSION", segments=(G,)))

    for group in report.groups:
        assert group.curves is not None
        curve = group.curves["residuals"]
        n = np.asarray(curve["n"])
        assert n.sum() == group.n
        assert (n * curve["error"]).sum() / n.sum() == pytest.approx(group.metrics["mean_error"].value, abs=1e-5)
        assert curve["predicted"] == sorted(curve["predicted"])


@pytest.mark.parametrize("task", ["BINARY", "MULTICLASS", "REGRESSION"])
def test_weights_of_rows_that_count_twice(task: str) -> None:
    rows = {"BINARY": make_binary(900, 5), "MULTICLASS": many(900), "REGRESSION": numbers(900)}[task]
    weights = np.random.default_rng(1).integers(1, 4, 900)
    again = np.repeat(np.arange(900), weights)

    def part(output: ModelOutput) -> ModelOutput:
        scores, predicted = output.scores, output.predicted
        return replace(
            output,
            scores=None if scores is None else scores[again],
            predicted=None if predicted is None else predicted[again],
        )

    assert rows.baseline is not None
    repeated = EvaluationRows(
        np.arange(again.size),
        rows.truth[again],
        rows.columns.take(again),
        part(rows.candidate),
        part(rows.baseline),
    )
    segments = (EMPLOYED,) if task == "BINARY" else (G,)
    classes = CLASSES if task == "MULTICLASS" else None
    spec = EvaluateSpec(task, segments, classes=classes, tolerance=0.4)

    weighted, _ = evaluate_table(replace(rows, weights=weights.astype(float)), spec)
    plain, _ = evaluate_table(repeated, spec)

    assert (weighted.overall.n, plain.overall.n) == (900, again.size)
    for one, two in zip(weighted.groups, plain.groups, strict=True):
        assert one.paired is not None
        assert two.paired is not None
        for name, estimate in two.metrics.items():
            assert one.metrics[name].value == pytest.approx(estimate.value, abs=1e-9), name
        for name, difference in two.paired.differences.items():
            own = one.paired.differences[name]
            assert own.value == pytest.approx(difference.value, abs=1e-9), name
            assert own.low is not None or difference.low is None
    accuracy = "within_tolerance" if task == "REGRESSION" else "accuracy"
    one, two = weighted.overall.metrics[accuracy], plain.overall.metrics[accuracy]
    assert (one.high or 0) - (one.low or 0) > (two.high or 0) - (two.low or 0)
    assert one.n == int(weights.sum() ** 2 / (weights**2).sum())


def test_weights_are_checked() -> None:
    rows = make_binary(50, 2)

    with pytest.raises(ValueError, match="above 0"):
        evaluate_table(replace(rows, weights=np.zeros(50)), make_spec())
    with pytest.raises(ValueError, match="as many rows"):
        evaluate_table(replace(rows, weights=np.ones(3)), make_spec())


def test_too_uneven_weights_are_not_enough_data() -> None:
    weights = np.ones(400)
    weights[0] = 1e6

    report, _ = evaluate_table(replace(make_binary(400, 2), weights=weights), make_spec())

    assert report.overall.thin == "effective n = 1, needs 100"


PROFIT = CustomMetric(
    "profit", "Profit per row", SCORE, True, "Gain of a hit less the cost of a call.",
    counts=lambda tn, fp, fn, tp: (5 * tp - fp) / (tn + fp + fn + tp),
)  # fmt: skip
SQUARE = CustomMetric(
    "square", "Squared error", SCORE, False, "Squared distance of score and outcome.",
    rows=lambda truth, score: (score - truth) ** 2,
)  # fmt: skip


def test_metrics_of_ones_own_are_measured_like_the_others() -> None:
    custom_register(PROFIT)
    custom_register(SQUARE)
    custom_register(SQUARE)

    report, _ = evaluate_table(make_binary(2000, 5), make_spec(custom=("profit", "square")))

    for group in report.groups:
        if group.n == 0 or group.suppressed:
            continue
        assert group.confusion is not None
        (_tn, fp), (_fn, tp) = group.confusion
        profit, square, brier = (group.metrics[name] for name in ("custom:profit", "custom:square", "brier"))
        assert profit.value == pytest.approx((5 * tp - fp) / (group.n or 1))
        assert profit.low is not None
        assert profit.low < (profit.value or 0)
        assert (square.value, square.low, square.high) == pytest.approx((brier.value, brier.low, brier.high))
        assert group.paired is not None
        mine, known = group.paired.differences["custom:square"], group.paired.differences["brier"]
        assert (mine.value, mine.p) == pytest.approx((known.value, known.p), abs=1e-9)
        assert group.paired.differences["custom:profit"].verdict in ("better", "worse", "not proven", "not enough data")
    assert metric_get("custom:profit").label == "Profit per row"


def test_metrics_of_ones_own_are_checked() -> None:
    with pytest.raises(ValueError, match="No metric nobody"):
        evaluate_table(make_binary(50, 2), make_spec(custom=("nobody",)))
    with pytest.raises(ValueError, match="rows or of counts"):
        CustomMetric("both", "Both", PERCENT, True, "")
    custom_register(PROFIT)
    with pytest.raises(ValueError, match="not one of this task"):
        evaluate_table(numbers(50), EvaluateSpec(task="REGRESSION", custom=("profit",)))
    wrong = CustomMetric("short", "Short", SCORE, True, "", rows=lambda truth, score: np.zeros(3))
    custom_register(wrong)
    with pytest.raises(ValueError, match="one number per row"):
        evaluate_table(make_binary(50, 2), make_spec(custom=("short",)))
