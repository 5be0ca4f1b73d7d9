"""Equality with the shared reference values, within the tolerances that they state.

The tests exist only for data sets that are found; conftest says so when some are not.
"""

import json
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.contracts.report import Report
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.tests.factories import NO_LEAST, make_segment
from analysis.tests.reference import CLASSIFIERS, MODELS, REFERENCE, REGRESSIONS

RATES = ("selection_rate", "accuracy", "precision", "tpr", "fpr", "fnr", "tnr", "f1")
SCORES = ("roc_auc", "pr_auc", "log_loss", "brier")
TOLERANCE = 1e-9


@cache
def reference_of(dataset: str, file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REFERENCE / dataset / f"{file}.json").read_text())
    return found


@cache
def table_of(dataset: str, model: str) -> pa.Table:
    return pq.read_table(REFERENCE / dataset / f"{model}.predictions.parquet")


@cache
def report_of(dataset: str, model: str, other: str | None = None) -> Report:
    reference = reference_of(dataset, f"{model}.metrics")
    task = "REGRESSION" if reference["task"] == "regression" else "BINARY"
    table = table_of(dataset, model)

    def output(name: str) -> ModelOutput:
        predictions = table_of(dataset, name)
        if task == "REGRESSION":
            return ModelOutput(predicted=predictions["y_pred"].to_numpy())
        return ModelOutput(scores=predictions["y_score"].to_numpy(), threshold=reference["threshold"])

    segments = tuple(
        make_segment(column, f"`{column}`", least_support=NO_LEAST) for column in reference["segment_columns"]
    )
    rows = EvaluationRows(
        row_ids=table["row_id"].to_numpy(),
        truth=table["y_true"].to_numpy(),
        columns=table,
        candidate=output(model),
        baseline=None if other is None else output(other),
    )
    report, _ = evaluate_table(rows, EvaluateSpec(task=task, segments=segments, least_support=NO_LEAST))
    return report


def pairs_of(dataset: str, model: str) -> list[tuple[Any, dict[str, Any]]]:
    """Every group of our report beside the reference's."""
    report, reference = report_of(dataset, model), reference_of(dataset, f"{model}.metrics")
    pairs = [(report.overall, reference["overall"])]
    for columns, levels in reference["segments"].items():
        for label, expected in levels.items():
            names = zip(columns.split("|"), label.split("|"), strict=True)
            key = "&".join(f"{name}={level}" for name, level in names)
            group = report.group(key)
            assert group is not None, key
            pairs.append((group, expected))
    assert len(pairs) == len(report.groups)
    return pairs


def assert_close(ours: float | None, expected: float | None, what: str, tolerance: float = TOLERANCE) -> None:
    if expected is None:
        assert ours is None, what
    else:
        assert ours is not None, what
        assert abs(ours - expected) <= tolerance, (what, ours, expected)


if CLASSIFIERS:

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_binary_metrics_equal_the_reference(dataset: str, model: str) -> None:
        for group, expected in pairs_of(dataset, model):
            counts = [[expected["tn"], expected["fp"]], [expected["fn"], expected["tp"]]]
            assert (group.n, group.positives) == (expected["count"], expected["positives"])
            assert group.confusion == counts
            for name in (*RATES, *SCORES):
                assert_close(group.metrics[name].value, expected[name], f"{group.key} {name}")
            assert_close(group.metrics["ece"].value, expected["ece_10"], f"{group.key} ece")

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_wilson_intervals_equal_the_reference(dataset: str, model: str) -> None:
        for group, expected in pairs_of(dataset, model):
            for name, ends in expected["wilson95"].items():
                ours = group.metrics[name]
                for mine, theirs in zip((ours.low, ours.high), ends or (None, None), strict=True):
                    assert_close(mine, theirs, f"{group.key} {name}")

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_delong_errors_equal_the_reference(dataset: str, model: str) -> None:
        z = 1.959963984540054
        for group, expected in pairs_of(dataset, model):
            auc, error = group.metrics["roc_auc"], expected["roc_auc_delong_se"]
            if error is None or auc.value is None:
                assert auc.low is None, group.key
                continue
            if not 0 < auc.value < 1:
                assert error == 0
                continue
            assert auc.low is not None
            # The interval is made on the logit scale: undo it to find the error.
            step = np.log(auc.value / (1 - auc.value)) - np.log(auc.low / (1 - auc.low))
            assert_close(step / z * auc.value * (1 - auc.value), error, group.key)

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_calibration_bins_equal_the_reference(dataset: str, model: str) -> None:
        for group, expected in pairs_of(dataset, model):
            if group.curves is None:
                continue
            curve = group.curves["calibration"]
            bins = expected["calibration_bins"]
            assert curve["n"] == [one["n"] for one in bins]
            np.testing.assert_allclose(curve["rate"], [one["positive_rate"] for one in bins], atol=1e-6)
            np.testing.assert_allclose(curve["score"], [one["mean_score"] for one in bins], atol=1e-6)

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_ranges_equal_the_reference_over_defined_groups(dataset: str, model: str) -> None:
        report, reference = report_of(dataset, model), reference_of(dataset, f"{model}.metrics")
        for columns, expected in reference["disparities"].items():
            keys = [group for group in report.groups if "|".join(p.name for p in group.dimensions) == columns]
            for least, part in ((0, "defined_only"), (30, "min_count_30")):
                for name, value in expected[part].items():
                    metric, kind = name.rsplit("_", 1)
                    metric = "ece" if metric == "ece_10" else metric
                    values = [
                        one.metrics[metric].value
                        for one in keys
                        if (one.n or 0) >= least and one.metrics[metric].value is not None
                    ]
                    ours = min(values) / max(values) if kind == "ratio" else max(values) - min(values)
                    assert_close(ours, value, f"{columns} {part} {name}")
            found = {(one.kind, one.metric): one for one in report.disparities}
            assert found

    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_reported_disparities_equal_the_reference(dataset: str) -> None:
        report, reference = report_of(dataset, "candidate"), reference_of(dataset, "candidate.metrics")
        undefined_zero = 0
        for one in report.disparities:
            expected = reference["disparities"][one.dimension.replace("&", "|")]
            if one.kind == "RANGE" and one.metric in ("selection_rate", "tpr", "fpr", "accuracy", "precision"):
                assert_close(one.value, expected["defined_only"][f"{one.metric}_difference"], one.dimension)
            if one.kind == "RATIO":
                assert_close(one.value, expected["demographic_parity_ratio"], one.dimension)
            if one.kind == "EQUALIZED_ODDS":
                if one.left_out:  # there the reference counts an undefined rate as 0
                    undefined_zero += 1
                else:
                    assert_close(one.value, expected["equalized_odds_difference"], one.dimension)
        assert undefined_zero < len({one.dimension for one in report.disparities})

    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_mcnemar_equals_the_reference(dataset: str) -> None:
        report, reference = (
            report_of(dataset, "candidate", "baseline"),
            reference_of(dataset, "candidate_vs_baseline"),
        )
        wanted = {"overall": reference["overall"]}
        for column, levels in reference["segments"].items():
            wanted |= {f"{column}={level}": one for level, one in levels.items()}
        for key, expected in wanted.items():
            group = report.group(key)
            assert group is not None
            assert group.paired is not None
            assert group.paired.only_baseline_right == expected["baseline_right_candidate_wrong"]
            assert group.paired.only_candidate_right == expected["baseline_wrong_candidate_right"]
            if expected["mcnemar_exact_p"] is None:
                assert group.paired.mcnemar_p is None
            else:
                assert group.paired.mcnemar_p == pytest.approx(expected["mcnemar_exact_p"], rel=1e-6)
            if "accuracy_delta" in expected:
                assert_close(group.paired.differences["accuracy"].value, expected["accuracy_delta"], key)

    @pytest.mark.parametrize("dataset", CLASSIFIERS)
    def test_intervals_are_near_the_bootstrap_of_the_reference(dataset: str) -> None:
        report, reference = report_of(dataset, "candidate"), reference_of(dataset, "candidate.metrics")
        bootstrap = reference["fairlearn_bootstrap"]
        for level, metrics in bootstrap["by_group"].items():
            group = report.group(f"{bootstrap['column']}={level}")
            assert group is not None
            if (group.n or 0) < 200 or min(group.positives or 0, group.negatives or 0) < 30:
                continue
            for name, (low, _, high) in metrics.items():
                ours = group.metrics[name]
                if ours.n < 200:
                    continue
                assert_close(ours.low, low, f"{level} {name}", 0.02)
                assert_close(ours.high, high, f"{level} {name}", 0.02)


if REGRESSIONS:

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("dataset", REGRESSIONS)
    def test_regression_metrics_equal_the_reference(dataset: str, model: str) -> None:
        for group, expected in pairs_of(dataset, model):
            assert group.n == expected["count"]
            for name in ("mae", "rmse", "r2", "mean_error"):
                assert_close(group.metrics[name].value, expected.get(name), f"{group.key} {name}")

    @pytest.mark.parametrize("dataset", REGRESSIONS)
    def test_regression_ranges_equal_the_reference(dataset: str) -> None:
        report, reference = report_of(dataset, "candidate"), reference_of(dataset, "candidate.metrics")
        for columns, expected in reference["disparities"].items():
            groups = [one for one in report.groups if "|".join(p.name for p in one.dimensions) == columns]
            for name in ("mae", "rmse", "mean_error"):
                values = [one.metrics[name].value for one in groups if one.metrics[name].value is not None]
                assert_close(max(values) - min(values), expected[f"{name}_difference"], columns)
