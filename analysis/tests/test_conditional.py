"""Disparities within the levels of a control: like compared with like."""

import numpy as np
import pyarrow as pa
import pytest

from analysis.contracts.report import Report
from analysis.contracts.segments import Support
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.tests.factories import make_segment, make_spec

LEAST = Support(50, 5, 5)


def admissions() -> EvaluationRows:
    """Both groups are chosen alike in each department, but one applies where few are chosen (Simpson's paradox)."""
    rng = np.random.default_rng(1)
    n = 6000
    group = rng.random(n) < 0.5
    hard = rng.random(n) < np.where(group, 0.8, 0.2)
    score = np.clip(np.where(hard, 0.25, 0.65) + 0.2 * rng.normal(size=n), 0, 1)
    table = pa.table({"group": np.where(group, "a", "b"), "department": np.where(hard, "hard", "easy")})
    return EvaluationRows(np.arange(n), rng.random(n) < score, table, ModelOutput(scores=score))


SEGMENTS = (
    make_segment("Group", "group", "PROTECTED", least_support=LEAST),
    make_segment("Department", "department", least_support=LEAST),
)


def test_a_gap_that_the_control_explains_is_none_within_it() -> None:
    report, _ = evaluate_table(admissions(), EvaluateSpec("BINARY", SEGMENTS, controls=("Department",)))

    plain = next(one for one in report.disparities if (one.dimension, one.metric) == ("Group", "selection_rate"))
    within = [
        one for one in report.conditional if (one.disparity.kind, one.disparity.metric) == ("RANGE", "selection_rate")
    ]
    assert plain.low is not None
    assert plain.low > 0.2
    assert [one.control.level for one in within] == ["easy", "hard"]
    for one in within:
        assert one.disparity.dimension == "Group"
        assert one.disparity.groups == ("a", "b")
        assert one.disparity.protected
        assert one.disparity.low == 0
        assert one.disparity.value is not None
        assert one.disparity.value < 0.05
    assert Report.from_json(report.to_json()) == report


def test_reports_without_conditional_disparities_are_still_read() -> None:
    report, _ = evaluate_table(admissions(), EvaluateSpec("BINARY", SEGMENTS))
    data = report.to_json()
    assert data.pop("conditional") == []

    assert Report.from_json(data) == report


def test_a_control_is_a_segment_that_is_crossed() -> None:
    with pytest.raises(ValueError, match="control"):
        make_spec(controls=("Nobody",))
    with pytest.raises(ValueError, match="control"):
        make_spec(controls=("Age",), crossings=False)
