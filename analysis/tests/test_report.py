"""Reports: their JSON, tables, CSV, moved thresholds and curves."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from analysis.contracts.costs import threshold_from_costs
from analysis.contracts.metrics import BINARY, ErrorWords, metric_get, metrics_for
from analysis.contracts.report import Report, ReportError
from analysis.evaluate import EvaluateSpec, ModelOutput, evaluate_table
from analysis.report import (
    CSV_HEAD,
    Statistics,
    StatisticsError,
    csv_text,
    curves_pick,
    rows_by_harm,
    table_rows,
    threshold_move,
    threshold_sweep,
)
from analysis.statistics import statistics_write
from analysis.tests.factories import make_binary, make_segment, make_spec


@pytest.fixture(scope="module")
def both() -> tuple[Report, Statistics]:
    report, arrays = evaluate_table(make_binary(4000, 21), make_spec(), importance=[{"feature": "age", "value": 1.0}])
    return report, Statistics.read(statistics_write(arrays))


def test_a_report_survives_json(both: tuple[Report, Statistics]) -> None:
    text = json.dumps(both[0].to_json(), allow_nan=False)

    assert Report.from_json(json.loads(text)) == both[0]


@pytest.mark.parametrize("broken", [{}, {"schema": 2}, {"schema": 1, "groups": []}, {"schema": 1, "surprise": 1}])
def test_other_json_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ReportError):
        Report.from_json(broken)


def test_every_binary_metric_is_there(both: tuple[Report, Statistics]) -> None:
    overall = both[0].overall

    assert set(overall.metrics) == {metric.name for metric in metrics_for(BINARY)}
    assert overall.baseline is not None
    assert set(overall.baseline) == set(overall.metrics)
    assert overall.paired is not None
    assert set(overall.paired.differences) == set(overall.metrics) - {"count"}


def test_table_rows_narrow_and_sort(both: tuple[Report, Statistics]) -> None:
    rows = table_rows(both[0], "fnr", level=1)
    ages = table_rows(both[0], "fnr", level=1, dimension="Age")
    by_harm = rows_by_harm(rows)

    assert [row.label for row in ages] == ["under 25", "25 to 34", "35 and over"]
    assert {row.key for row in by_harm} == {row.key for row in rows}
    verdicts = [row.difference.verdict for row in by_harm if row.difference]
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict != "worse")
    for row in rows:
        assert row.difference is not None
        assert row.harm == row.difference.value
    recall = table_rows(both[0], "tpr", level=0)[0]
    assert recall.harm is not None
    assert recall.difference is not None
    assert recall.harm == -(recall.difference.value or 0)
    with pytest.raises(KeyError):
        table_rows(both[0], "charm")


def test_csv_holds_the_stored_numbers(both: tuple[Report, Statistics]) -> None:
    lines = list(csv.DictReader(io.StringIO(csv_text(both[0]))))

    assert tuple(lines[0]) == CSV_HEAD
    first = next(line for line in lines if line["group"] == "Age=under 25" and line["metric"] == "fnr")
    group = both[0].group("Age=under 25")
    assert group is not None
    assert float(first["value"]) == group.metrics["fnr"].value
    assert group.paired is not None
    assert float(first["difference"]) == group.paired.differences["fnr"].value
    assert len(lines) == sum(len(one.metrics) or 1 for one in both[0].groups)


def test_csv_disarms_formulas() -> None:
    rows = replace(make_binary(300, 1), columns=pa.table({"x": ["=cmd()"] * 150 + ["b"] * 150}))

    report, _ = evaluate_table(rows, make_spec(segments=(make_segment("+X", "x"),)))

    text = csv_text(report)
    for line in csv.reader(io.StringIO(text)):
        assert not any(cell.startswith(("=", "+", "@")) for cell in line)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.745, 1.0])
def test_a_moved_threshold_equals_a_new_evaluation(both: tuple[Report, Statistics], threshold: float) -> None:
    rows = make_binary(4000, 21)
    fresh, _ = evaluate_table(
        replace(rows, candidate=ModelOutput(scores=rows.candidate.scores, threshold=threshold), baseline=None),
        make_spec(),
    )

    moved = threshold_move(both[0], both[1], threshold)

    assert moved.threshold == threshold
    for key, metrics in moved.groups.items():
        group = fresh.group(key)
        assert group is not None
        for name, estimate in metrics.items():
            assert estimate == group.metrics[name], (key, name)


def test_a_sweep_finds_the_cheapest_threshold(both: tuple[Report, Statistics]) -> None:
    sweep = threshold_sweep(*both, "overall")

    assert len(sweep["threshold"]) == 201
    middle = sweep["fnr"][100]
    at_half = threshold_move(*both, 0.5).groups["overall"]["fnr"].value
    assert middle == at_half
    costs = [cost for cost in sweep["cost_per_100"] if cost is not None]
    assert min(costs) < costs[0]


def test_curves_are_short_and_agree_with_the_counts(both: tuple[Report, Statistics]) -> None:
    report, statistics = both
    curves = curves_pick(statistics, "Age=under 25&Colour=White")
    overall = report.overall.curves
    assert overall is not None

    roc = overall["roc"]
    assert len(roc["x"]) <= 200
    assert (roc["x"][0], roc["y"][0], roc["x"][-1], roc["y"][-1]) == (0, 0, 1, 1)
    area = np.trapezoid(roc["y"], roc["x"])
    assert area == pytest.approx(report.overall.metrics["roc_auc"].value, abs=2e-3)
    index = roc["threshold"].index(0.5)
    assert roc["y"][index] == pytest.approx(report.overall.metrics["tpr"].value, abs=1e-6)
    assert sum(overall["histogram"]["positives"]) == report.overall.positives
    assert sum(curves["calibration"]["n"]) == sum(curves["histogram"]["negatives"] + curves["histogram"]["positives"])


def test_statistics_that_are_not_there_are_refused(both: tuple[Report, Statistics]) -> None:
    with pytest.raises(StatisticsError):
        curves_pick(both[1], "Age=nobody")
    with pytest.raises(StatisticsError):
        Statistics.read(b"PK not a zip")
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold_move(*both, 1.5)


def test_a_pickle_in_a_statistics_file_is_not_loaded() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array([{"a": 1}], dtype=object))

    with pytest.raises(StatisticsError):
        Statistics.read(buffer.getvalue())


def test_a_segment_that_does_not_fit_is_told_in_its_dimension() -> None:
    spec = make_spec(segments=(make_segment("Bad", "nowhere = 1"), make_segment("Employed", "employed")))

    report, _ = evaluate_table(make_binary(500, 2), spec)

    assert report.dimensions[0].error == "There is no column nowhere"
    assert report.dimensions[1].levels == ("Employed", "not Employed")
    assert not [group for group in report.groups if "Bad" in group.key]


def test_the_spec_is_read_from_the_job() -> None:
    spec = EvaluateSpec.from_json(
        {
            "task": "BINARY",
            "positive_label": 1,
            "segments": [
                {"id": "1", "name": "Age", "expression": "age", "bands": {"edges": [25]}, "purpose": "PROTECTED"}
            ],
            "costs": {"false_positive": 1200, "false_negative": 400},
            "least_support": {"rows": 10, "positives": 2, "negatives": 3},
            "margins": {"fnr": 0.02},
            "candidate": {"version_id": "x"},
        }
    )

    assert spec.positive_label == "1"
    assert spec.segments[0].protected
    assert spec.least_support.negatives == 3
    assert spec.margins == {"fnr": 0.02}
    with pytest.raises(ValueError, match="task"):
        EvaluateSpec.from_json({"task": "GUESS"})


def test_arrays_that_do_not_fit_are_refused() -> None:
    rows = make_binary(50, 2)

    with pytest.raises(ValueError, match="same number of rows"):
        evaluate_table(replace(rows, row_ids=np.arange(49)), make_spec())
    with pytest.raises(ValueError, match="as many rows"):
        evaluate_table(replace(rows, candidate=ModelOutput(scores=np.zeros(3))), make_spec())
    with pytest.raises(ValueError, match="one score per row"):
        evaluate_table(replace(rows, candidate=ModelOutput()), make_spec())


def test_words_and_thresholds() -> None:
    words = ErrorWords.from_json({"false_negative": "wrongly held"})

    assert words.label("fnr") == "Wrongly held"
    assert words.label("roc_auc") == "ROC AUC"
    assert ErrorWords.for_label("released").label("fpr") == "Wrongly predicted released"
    assert metric_get("recall:a").label == "Recall of a"
    assert threshold_from_costs(1200, 400) == 0.75
    with pytest.raises(ValueError, match="costs"):
        threshold_from_costs(0, 0)
