"""Findings beyond the report: what was planted is found, what the report hides stays hidden, and the document is read
back as it was written.
"""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.contracts.costs import ClassCosts, Costs, UnitCosts
from analysis.contracts.findings import Findings, FindingsError
from analysis.contracts.segments import Bands, SegmentSpec, Support
from analysis.findings import Asked, findings_make
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput

LEAST = Support(60, 10, 10)
SEGMENTS = (
    SegmentSpec("a", "Age", "age", Bands((35.0,), ("under 35", "35 and over")), "PERFORMANCE", LEAST),
    SegmentSpec("c", "Colour", "colour", None, "PROTECTED", LEAST),
)


def world(n: int = 4000, seed: int = 4, rare: int = 0) -> EvaluationRows:
    """The candidate errs much more on unemployed people aged 35 and over; `rare` people are of a third colour."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.5
    colour = np.where(rng.random(n) < 0.3, "Black", "White").astype(object)
    colour[:rare] = "Green"
    columns = pa.table(
        {
            "age": rng.integers(16, 60, n),
            "colour": pa.array(colour.tolist()),
            "employed": rng.random(n) < 0.6,
            "income": rng.normal(30, 8, n),
            "person": pa.array([f"p{k}" for k in range(n)]),
        }
    )
    live = np.clip(np.where(truth, 0.75, 0.25) + rng.normal(0, 0.18, n), 0, 1)
    weak = (np.asarray(columns["age"]) >= 35) & ~np.asarray(columns["employed"])
    new = np.where(weak & (rng.random(n) < 0.45), 1 - live, live)
    return EvaluationRows(
        np.arange(n), truth, columns, ModelOutput(scores=new, threshold=0.5), ModelOutput(scores=live, threshold=0.5)
    )


SPEC = EvaluateSpec("BINARY", SEGMENTS, positive_label="yes", costs=Costs(12.0, 4.0), least_support=LEAST)
ASKED = Asked(["age", "employed", "income"], ["person"])


def test_the_planted_slice_is_found_in_the_words_of_its_columns() -> None:
    found = findings_make(world(), SPEC, ASKED).findings.slices

    assert found is not None
    assert found.slices, found
    first = found.slices[0]
    assert set(first.columns) <= {"age", "employed"}
    assert "`employed` == false" in first.expression
    assert first.low > 0.1
    assert first.loss > first.rest_loss
    assert set(found.columns) == {"age", "colour", "employed", "income"}
    assert first.named is None


def test_a_slice_that_is_a_named_group_says_so() -> None:
    named = SegmentSpec("e", "Idle", "employed == false and age >= 35", None, "PERFORMANCE", LEAST)
    rows = world()
    old = pa.array((np.asarray(rows.columns["age"]) >= 35).tolist())
    rows = replace(rows, columns=rows.columns.append_column("old", old))
    spec = replace(SPEC, segments=(named,))

    found = findings_make(rows, spec, Asked(["old", "employed"])).findings.slices

    assert found is not None
    whole = [one for one in found.slices if set(one.columns) == {"old", "employed"}]
    assert [one.named for one in whole] == ["Idle"]


def test_no_more_than_twelve_columns_are_searched_those_of_segments_first() -> None:
    rows = world(600)
    rng = np.random.default_rng(0)
    wide = rows.columns
    for k in range(20):
        wide = wide.append_column(f"f{k}", pa.array(rng.integers(0, 3, 600)))
    names = [f"f{k}" for k in range(20)]

    found = findings_make(replace(rows, columns=wide), SPEC, Asked(names)).findings.slices

    assert found is not None
    assert found.columns == ("age", "colour", *names[:10])


def test_flips_count_the_rows_of_each_group_and_list_them_gravest_first() -> None:
    rows = world()
    made = findings_make(rows, SPEC, ASKED)

    flips, file = made.findings.flips, made.flip_rows
    assert flips is not None
    assert file is not None
    right = (np.asarray(rows.candidate.scores) >= 0.5) == rows.truth
    assert rows.baseline is not None
    was = (np.asarray(rows.baseline.scores) >= 0.5) == rows.truth
    old = np.asarray(rows.columns["age"]) >= 35
    group = flips.group("Age=35 and over")
    assert group is not None
    assert group.negative is not None
    assert (group.negative, group.positive) == ((was & ~right & old).sum(), (right & ~was & old).sum())
    assert group.p_adjusted is not None
    assert group.p_adjusted < 0.001
    listed = file["groups"]["Age=35 and over"]["negative"]
    assert len(listed) == min(100, group.negative)
    columns = file["columns"]
    apart = [abs(row[columns.index("candidate score")] - row[columns.index("baseline score")]) for row in file["rows"]]
    assert all(apart[a] >= apart[b] - 1e-3 for a, b in pairwise(listed))


def test_protected_columns_and_ids_are_masked_in_the_rows() -> None:
    file = findings_make(world(), SPEC, ASKED).flip_rows

    assert file is not None
    text = json.dumps(file)
    assert {row[file["columns"].index("colour")] for row in file["rows"]} == {"***"}
    assert {row[file["columns"].index("person")] for row in file["rows"]} == {"***"}
    assert "Black" not in text.split('"groups"')[0]
    assert '"p1' not in text


def test_a_hidden_group_leaves_no_number_and_no_row_anywhere() -> None:
    rows = world(rare=30)
    made = findings_make(rows, SPEC, ASKED)

    flips, file, fairness = made.findings.flips, made.flip_rows, made.findings.fairness
    assert flips is not None
    assert file is not None
    hidden = [one for one in flips.groups if one.barred]
    assert {one.label for one in hidden} == {"Green", "Black"}, "the next smallest is hidden with it"
    assert all(one.n is None and one.negative is None and one.difference.value is None for one in hidden)
    assert not {"Colour=Green", "Colour=Black"} & set(file["groups"])
    gone = {at for at, one in enumerate(rows.columns["colour"].to_pylist()) if one in ("Green", "Black")}
    assert not gone & {row[file["columns"].index("row")] for row in file["rows"]}
    colour = next(one for one in fairness or () if one.segment == "Colour")
    assert all(one.label == "White" for criterion in colour.criteria for one in criterion.groups)


def test_a_slice_whose_remainder_would_be_a_handful_of_people_is_withheld() -> None:
    rows = world(3000)
    assert rows.baseline is not None
    colour = np.asarray(rows.columns["colour"].to_pylist(), dtype=object)
    colour[:] = "White"
    colour[:400] = "Black"
    # All but 20 of the 400 are wrong, and those 20 are told apart by a column: what is left of the group is a handful.
    flag = np.ones(3000, bool)
    flag[:20] = False
    scores = np.asarray(rows.candidate.scores).copy()
    scores[20:400] = 1 - np.asarray(rows.baseline.scores)[20:400]
    columns = pa.table({"colour": pa.array(colour.tolist()), "flag": flag, "age": rows.columns["age"]})
    rows = replace(rows, columns=columns, candidate=ModelOutput(scores=scores, threshold=0.5))

    found = findings_make(rows, SPEC, Asked(["flag", "age"])).findings.slices

    assert found is not None
    assert found.proven
    for one in found.slices:
        assert "flag" not in one.columns or "colour" not in one.columns


def test_fairness_says_what_holds_against_a_stated_limit_and_what_cannot_hold_together() -> None:
    limits = {"Age": {"DEMOGRAPHIC_PARITY": 0.5, "EQUAL_OPPORTUNITY": 0.0001}}

    found = findings_make(world(), SPEC, replace(ASKED, limits=limits)).findings.fairness

    assert found is not None
    age = next(one for one in found if one.segment == "Age")
    state = {one.criterion: one.holding for one in age.criteria}
    assert state["DEMOGRAPHIC_PARITY"] == "holds"
    assert state["EQUAL_OPPORTUNITY"] == "does not hold"
    assert state["PREDICTIVE_PARITY"] is None
    assert age.conflicts is not None
    assert len(age.conflicts.base_rates) == 2


@pytest.mark.parametrize("task", ["MULTICLASS", "REGRESSION"])
@pytest.mark.parametrize("baseline", [True, False])
def test_other_tasks_have_what_can_be_asked_of_them(task: str, baseline: bool) -> None:
    rng = np.random.default_rng(3)
    rows = world(900)
    if task == "MULTICLASS":
        truth: np.ndarray[Any, Any] = rng.integers(0, 3, 900)
        outputs = [ModelOutput(scores=rng.dirichlet([1, 1, 1], 900)) for _ in range(2)]
        spec = EvaluateSpec(task, SEGMENTS, classes=("a", "b", "c"), costs=ClassCosts(5.0), least_support=LEAST)
    else:
        truth = rng.normal(20, 5, 900)
        outputs = [ModelOutput(predicted=truth + rng.normal(0, 2, 900)) for _ in range(2)]
        spec = EvaluateSpec(task, SEGMENTS, costs=UnitCosts(2.0), least_support=LEAST)
    rows = EvaluationRows(rows.row_ids, truth, rows.columns, outputs[0], outputs[1] if baseline else None)

    made = findings_make(rows, spec, ASKED)

    assert made.findings.slices is not None
    assert (made.findings.flips is not None) == (baseline and task == "MULTICLASS")
    assert made.findings.fairness
    assert Findings.from_json(json.loads(json.dumps(made.findings.to_json(), allow_nan=False))) == made.findings


def test_the_document_is_read_back_as_it_was_written() -> None:
    found = findings_make(world(), SPEC, ASKED).findings

    assert Findings.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found
    assert Findings.from_json({"schema": 1}) == Findings()


@pytest.mark.parametrize(
    "data",
    [
        {"schema": 2},
        {"schema": 1, "more": {}},
        {"schema": 1, "slices": []},
        {"schema": 1, "slices": {"loss": 3}},
        {"schema": 1, "flips": {"right": "x", "groups": [{"key": "overall"}], "tests": 1, "rows": []}},
        {"schema": 1, "flips": {"right": 1, "groups": [], "tests": 1, "rows": []}},
        {"schema": 1, "fairness": {"segment": "x"}},
        {"schema": 1, "fairness": [{"segment": "x", "protected": False, "criteria": [{}]}]},
        [],
        None,
    ],
)
def test_anything_else_is_refused(data: Any) -> None:
    with pytest.raises(FindingsError):
        Findings.from_json(data)
