"""Behaviour tests run on small models: what passes, what fails with its rows, and what cannot be evaluated."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.behaviour import BehaviourResult, Subject, behaviour_run
from analysis.contracts.behaviour import BehaviourError, behaviour_read

TABLE = pa.table(
    {
        "name": ["Anna", "Ben", "Cem", "Anna", None],
        "town": pa.array(["x", "y", "x", "y", "x"]).dictionary_encode(),
        "income": [10, 20, 30, 40, 50],
        "debt": [1.0, 2.0, None, 4.0, 5.0],
        "member": [True, False, True, False, True],
        "born": pa.array(np.array(["1990-01-01"] * 5, "datetime64[D]")),
    }
)
IDS = ["a", "b", "c", "d", "e"]


def risk(table: pa.Table) -> np.ndarray:
    """Falls with income, is higher for one name by a third, and knows the town."""
    income = table["income"].to_numpy().astype(float)
    named = np.array([one == "Cem" for one in table["name"].to_pylist()])
    town = np.array([one == "y" for one in table["town"].to_pylist()])
    return np.clip(0.8 - income / 100 + named / 3 + 0.05 * town, 0, 1)


BINARY = Subject(risk, "BINARY", 0.5, "defaulted")


def three(table: pa.Table) -> np.ndarray:
    """The risk shared by two classes."""
    return np.stack([1 - risk(table), risk(table) / 2, risk(table) / 2], axis=1)


MANY = Subject(three, "MULTICLASS", classes=("no", "late", "never"))
AMOUNT = Subject(lambda table: 1000 * risk(table), "REGRESSION")


def run(subject: Subject = BINARY, **test: Any) -> BehaviourResult:
    most = test.pop("most_rows", 100)
    found = behaviour_run(behaviour_read({"schema": 1, "name": "t", **test}), subject, TABLE, IDS, most_rows=most)
    assert json.dumps(found.to_json())
    return found


def test_a_name_that_matters_is_found_with_its_rows() -> None:
    found = run(kind="INVARIANCE", change=[{"column": "name", "to": ["Anna", "Cem"]}], tolerance=0.01)

    assert (found.result, found.tested, found.failed) == ("FAIL", 5, 5)
    assert found.share.value == 0
    first = found.failing[0]
    assert first.miss == pytest.approx(1 / 3 - 0.01)
    by_row = {one.row: one for one in found.failing}
    assert by_row["a"].change == "name = Cem"
    assert by_row["c"].change == "name = Anna"
    assert (by_row["c"].before, by_row["c"].after) == pytest.approx((0.5 + 1 / 3, 0.5))
    assert (by_row["e"].answer_before, by_row["e"].answer_after) == ("not defaulted", "defaulted")


def test_only_rows_that_change_are_tested() -> None:
    found = run(kind="INVARIANCE", where="name is not null", change=[{"column": "name", "to": "Anna"}])
    none = run(kind="INVARIANCE", change=[{"column": "born", "to": "1990-01-01"}])

    assert (found.tested, found.unchanged, found.failed) == (2, 2, 1)
    assert found.failing[0].row == "c"
    assert (none.result, none.unchanged) == ("NOT_EVALUATED", 5)
    assert none.share.value is None
    assert none.reason == none.share.undefined == "the change alters no row"


def test_an_answer_may_stay_though_the_score_moves() -> None:
    test = {"kind": "INVARIANCE", "change": [{"column": "town", "swap": {"x": "y", "y": "x"}}]}

    score, close, label = run(**test), run(**test, tolerance=0.05), run(**test, compare="LABEL")

    assert (score.result, score.failed) == ("FAIL", 5)
    assert (close.result, close.failed) == ("PASS", 0)
    assert (label.result, label.failed) == ("PASS", 0)
    assert run(**test, compare="LABEL", subject=MANY).result == "PASS"


@pytest.mark.parametrize(
    ("direction", "tolerance", "failed"),
    [("DOWN", 0, 0), ("NOT_UP", 0, 0), ("UP", 0, 5), ("NOT_DOWN", 0, 5), ("DOWN", 0.1, 5), ("NOT_DOWN", 0.1, 0)],
)
def test_more_income_moves_the_risk_one_way(direction: str, tolerance: float, failed: int) -> None:
    change = [{"column": "income", "add": 10}]

    for subject in (BINARY, MANY):
        rest = {"class": "late", "tolerance": tolerance / 2} if subject is MANY else {"tolerance": tolerance}
        found = run(subject, kind="DIRECTION", change=change, direction=direction, **rest)
        assert found.failed == failed
        assert found.result == ("FAIL" if failed else "PASS")


def test_a_move_that_must_happen_fails_where_nothing_moves() -> None:
    found = run(kind="DIRECTION", change=[{"column": "debt", "multiply": 2}], direction="UP")

    assert (found.tested, found.unchanged, found.failed) == (4, 1, 4)  # a missing debt stays missing


def test_numbers_keep_the_type_of_their_column() -> None:
    seen = []

    def watch(table: pa.Table) -> np.ndarray:
        seen.append(table.schema)
        return np.zeros(table.num_rows)

    run(
        Subject(watch, "REGRESSION"),
        kind="INVARIANCE",
        change=[
            {"column": "income", "multiply": 1.33},
            {"column": "town", "to": "z"},
            {"column": "member", "to": False},
            {"column": "born", "to": "2001-02-03"},
            {"column": "debt", "to": None},
        ],
    )

    assert seen[1].types[2:] == TABLE.schema.types[2:]
    assert pa.types.is_dictionary(seen[1].field("town").type)


def test_plain_cases_are_rows_of_their_own() -> None:
    found = run(
        kind="LEAST_FUNCTION",
        cases=[
            {"values": {"income": 0}, "expect": {"label": "defaulted"}},
            {"values": {"income": 90, "town": "y"}, "expect": {"at_most": 0.1}},
            {"values": {"income": 100, "name": "Cem"}, "expect": {"label": False}},
            {"values": {"income": 0}, "expect": {"label": "not defaulted"}},
        ],
        least_share=0.75,
    )

    assert (found.result, found.tested, found.failed) == ("PASS", 4, 1)
    assert found.share.value == 0.75
    assert [(one.row, one.expected, one.answer_after, one.before) for one in found.failing] == [
        ("case 4", "not defaulted", "defaulted", None)
    ]


def test_rows_with_a_plain_answer_are_chosen_by_an_expression() -> None:
    found = run(AMOUNT, kind="LEAST_FUNCTION", where="income >= 30", expect={"at_least": 300, "at_most": 600})
    label = run(MANY, kind="LEAST_FUNCTION", where="income >= 40", expect={"label": "no"})

    assert [one.row for one in found.failing] == ["c"]
    assert found.failing[0].miss == pytest.approx(500 + 1000 / 3 - 600)
    assert found.failing[0].expected == "at least 300 and at most 600"
    assert label.result == "PASS"
    assert run(kind="LEAST_FUNCTION", where="income > 99", expect={"label": True}).reason == "the test chooses no row"


def test_the_worst_rows_come_first_and_the_list_ends() -> None:
    found = run(AMOUNT, kind="LEAST_FUNCTION", expect={"at_most": 0}, most_rows=2)

    assert found.failed == 5
    assert [one.row for one in found.failing] == ["c", "a"]


ONE_CASE = {"kind": "LEAST_FUNCTION", "cases": [{"values": {"x": 1}, "expect": {"label": True}}]}


@pytest.mark.parametrize(
    ("subject", "test", "field"),
    [
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "nme", "to": "x"}]}, "change.0.column"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "income", "to": "x"}]}, "change.0.to"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "income", "to": True}]}, "change.0.to"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "income", "to": 1.5}]}, "change.0.to"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "name", "to": 3}]}, "change.0.to"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "born", "to": "someday"}]}, "change.0.to"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "name", "add": 1}]}, "change.0.add"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "income", "multiply": 1e30}]}, "change.0.multiply"),
        (BINARY, {"kind": "INVARIANCE", "change": [{"column": "income", "swap": {"10": "x"}}]}, "change.0.swap"),
        (BINARY, {"kind": "INVARIANCE", "where": "agee > 1", "change": [{"column": "name", "to": "x"}]}, "where"),
        (BINARY, {"kind": "INVARIANCE", "where": "income", "change": [{"column": "name", "to": "x"}]}, "where"),
        (AMOUNT, {"kind": "INVARIANCE", "compare": "LABEL", "change": [{"column": "name", "to": "x"}]}, "compare"),
        (AMOUNT, {"kind": "LEAST_FUNCTION", "expect": {"label": "x"}}, "expect"),
        (BINARY, {"kind": "LEAST_FUNCTION", "expect": {"label": "x"}}, "expect"),
        (MANY, {"kind": "LEAST_FUNCTION", "expect": {"label": "x"}}, "expect"),
        (MANY, {"kind": "LEAST_FUNCTION", "expect": {"at_least": 0.5}}, "class"),
        (MANY, {"kind": "LEAST_FUNCTION", "class": "x", "expect": {"at_least": 0.5}}, "class"),
        (
            BINARY,
            {"kind": "LEAST_FUNCTION", "cases": [{"values": {"x": 1}, "expect": {"label": True}}]},
            "cases.0.values",
        ),
        (
            BINARY,
            {"kind": "LEAST_FUNCTION", "cases": [{"values": {"income": "x"}, "expect": {"label": True}}]},
            "cases",
        ),
    ],
)
def test_a_test_that_does_not_fit_says_where(subject: Subject, test: dict[str, Any], field: str) -> None:
    with pytest.raises(BehaviourError) as caught:
        run(subject, **test)

    assert caught.value.field == field


def test_a_model_that_answers_otherwise_is_refused() -> None:
    test = {"kind": "LEAST_FUNCTION", "expect": {"at_least": 0}}
    for predict in (lambda table: np.zeros(3), lambda table: np.full(5, np.nan), lambda table: np.zeros((5, 2))):
        with pytest.raises(ValueError, match="model answers"):
            run(Subject(predict, "REGRESSION"), **test)
    with pytest.raises(ValueError, match="labels"):
        Subject(risk, "MULTICLASS")
    with pytest.raises(ValueError, match="one id"):
        behaviour_run(behaviour_read({"schema": 1, "name": "t", **test}), AMOUNT, TABLE, IDS[:2])
