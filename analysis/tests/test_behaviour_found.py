"""Behaviour tests and leakage as an evaluation finds them: verdicts, what is told of rows, the document read back."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.behaviour import Subject
from analysis.contracts.findings import Findings, FindingsError
from analysis.findings import BehaviourAsked, Tried
from analysis.findings import behaviour as running
from analysis.findings.behaviour import Told, behaviour_of
from analysis.findings.leakage import leakage_of

N = 400
RNG = np.random.default_rng(2)
TABLE = pa.table(
    {
        "age": RNG.integers(16, 60, N),
        "colour": np.where(RNG.random(N) < 0.4, "Black", "White"),
        "checks": RNG.integers(0, 6, N),
    }
)
SWAP = [{"column": "colour", "swap": {"Black": "White", "White": "Black"}}]


def tried(*, by_colour: float = 0.0, reads: tuple[str, ...] = ("age", "checks", "colour")) -> Tried:
    """Released less often with more checks, but for three checks; and by colour."""

    def predict(table: pa.Table) -> np.ndarray:
        checks = table["checks"].to_numpy().astype(float)
        black = np.array([one == "Black" for one in table["colour"].to_pylist()])
        return np.clip(0.9 - 0.1 * checks + 0.3 * (checks == 3) - by_colour * black, 0, 1)

    return Tried(Subject(predict, "BINARY", 0.5, "Yes"), frozenset(reads))


def asked(**test: Any) -> BehaviourAsked:
    return BehaviourAsked("7", 2, True, {"schema": 1, "name": "t", **test})


def told(masked: tuple[str, ...] = (), hidden: np.ndarray | None = None) -> Told:
    return Told(masked, np.zeros(N, np.bool_) if hidden is None else hidden)


def one(test: BehaviourAsked, candidate: Tried, baseline: Tried | None = None, said: Told | None = None) -> Any:
    found = behaviour_of([test], candidate, baseline, TABLE, said or told())
    document = Findings(behaviour=found)
    assert Findings.from_json(json.loads(json.dumps(document.to_json(), allow_nan=False))) == document
    return found.tests[0]


def test_a_colour_that_decides_fails_now_and_held_before() -> None:
    test = asked(kind="INVARIANCE", change=SWAP, compare="LABEL", least_share=0.95, why="Nobody is held for it.")

    found = one(test, tried(by_colour=0.3), tried())

    assert (found.candidate.verdict, found.baseline.verdict) == ("fails", "holds")
    assert found.candidate.tested == found.chosen == N
    assert found.candidate.share.high < 0.95
    assert found.change == ("colour: Black becomes White, White becomes Black",)
    assert found.expected == "keep the same answer"
    pair = found.pairs[0]
    assert {pair.answer_before, pair.answer_after} == {"positive", "negative"}
    assert {pair.values[0].before, pair.values[0].after} == {"Black", "White"}


def test_protected_values_are_masked_and_rows_of_hidden_groups_are_no_example() -> None:
    test = asked(kind="INVARIANCE", change=SWAP)

    masked = one(test, tried(by_colour=0.3), said=told(("colour",)))
    hidden = one(test, tried(by_colour=0.3), said=told(hidden=np.ones(N, np.bool_)))

    assert {(value.before, value.after) for pair in masked.pairs for value in pair.values} == {("***", "***")}
    assert hidden.pairs == ()
    assert hidden.candidate.failed == masked.candidate.failed > 0


def test_what_a_model_does_not_read_holds_however_few_rows_there_are() -> None:
    test = asked(kind="INVARIANCE", change=SWAP, where="age == 20", least_share=0.99)

    found = one(test, tried(reads=("age", "checks")))

    assert 0 < found.candidate.tested < 60
    assert (found.candidate.verdict, found.candidate.unread) == ("holds", ("colour",))


def test_every_row_must_is_broken_by_one_and_a_share_needs_its_interval() -> None:
    change = [{"column": "checks", "add": 1}]
    rising = int((TABLE["checks"].to_numpy() == 2).sum())

    strict = one(asked(kind="DIRECTION", change=change, direction="NOT_UP"), tried())
    near = one(asked(kind="DIRECTION", change=change, direction="NOT_UP", least_share=1 - rising / N), tried())
    loose = one(asked(kind="DIRECTION", change=change, direction="NOT_UP", least_share=0.5), tried())

    assert (strict.candidate.failed, strict.candidate.verdict) == (rising, "fails")
    assert [near.candidate.verdict, loose.candidate.verdict] == ["not proven", "holds"]
    assert {(pair.values[0].before, pair.values[0].after) for pair in strict.pairs} == {("2", "3")}


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ({"kind": "INVARIANCE", "change": [{"column": "income", "add": 1}]}, "There is no column income"),
        ({"kind": "INVARIANCE", "change": SWAP, "where": "income > 3"}, "income"),
        ({"kind": "INVARIANCE", "change": SWAP, "where": "age > 99"}, "the test chooses no row"),
        ({"kind": "LEAST_FUNCTION", "expect": {"label": "Maybe"}}, "The label is Yes or not Yes"),
    ],
)
def test_what_does_not_fit_is_not_run_and_says_why(test: dict[str, Any], reason: str) -> None:
    found = one(asked(**test), tried(), tried())

    assert (found.candidate.verdict, found.baseline.verdict) == ("not run", "not run")
    assert reason in (found.candidate.reason or "")


def test_a_model_that_cannot_answer_costs_only_its_own_side() -> None:
    def refuses(table: pa.Table) -> np.ndarray:
        raise ValueError("The model needs more")

    broken = Tried(Subject(refuses, "BINARY"), frozenset({"colour"}))

    found = one(asked(kind="INVARIANCE", change=SWAP), tried(), broken)

    assert (found.candidate.verdict, found.baseline.verdict) == ("holds", "not run")
    assert found.baseline.reason == "The model needs more"


def test_a_large_table_is_sampled_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_ROWS", 50)
    test = asked(kind="INVARIANCE", change=SWAP, compare="LABEL")

    first, second = (one(test, tried(by_colour=0.3)) for _ in range(2))

    assert (first.chosen, first.candidate.tested) == (N, 50)
    assert first == second


def test_cases_are_rows_of_the_test() -> None:
    case = {"values": {"age": 30, "colour": "White", "checks": 5}, "expect": {"label": "Yes"}}

    found = one(asked(kind="LEAST_FUNCTION", cases=[case]), tried())

    assert (found.candidate.verdict, found.chosen) == ("fails", 1)
    assert [(value.column, value.after) for value in found.pairs[0].values] == [
        ("age", "30"),
        ("colour", "White"),
        ("checks", "5"),
    ]


def rows(seed: int, values: int, n: int = 600) -> pa.Table:
    """Rows of two columns with so many values each."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {"a": rng.integers(0, values, n), "b": rng.integers(0, values, n), "y": rng.integers(0, 2, n).astype(str)}
    )


def test_leakage_is_more_than_what_coarse_columns_make_by_chance() -> None:
    fine, coarse = rows(1, 10**6), rows(1, 30)

    none = leakage_of(fine, rows(2, 10**6), ["a", "b"], "y")
    chance = leakage_of(coarse, rows(2, 30), ["a", "b"], "y")
    leaked = leakage_of(fine, pa.concat_tables([fine.slice(0, 60), rows(3, 10**6, 540)]), ["a", "b"], "y")

    assert none is not None
    assert chance is not None
    assert leaked is not None
    assert (none.shared, none.verdict) == (0, "no overlap")
    assert chance.shared > 100
    assert chance.verdict == "as chance makes it"
    assert (leaked.shared, leaked.same_label, leaked.other_label, leaked.verdict) == (60, 60, 0, "more than chance")
    document = Findings(leakage=leaked)
    assert Findings.from_json(json.loads(json.dumps(document.to_json()))) == document
    assert leakage_of(fine, coarse, [], "y") is None


def test_made_up_parts_are_refused() -> None:
    document = Findings(
        behaviour=behaviour_of([asked(kind="INVARIANCE", change=SWAP)], tried(), None, TABLE, told()),
        leakage=leakage_of(rows(1, 30), rows(2, 30), ["a"], "y"),
    ).to_json()

    for part, field, value in (
        ("behaviour", "most_rows", "many"),
        ("behaviour", "tests", [{**document["behaviour"]["tests"][0], "kind": "MAGIC"}]),
        ("behaviour", "tests", [{**document["behaviour"]["tests"][0], "change": "colour"}]),
        ("leakage", "verdict", "fine"),
        ("leakage", "shared", None),
    ):
        with pytest.raises(FindingsError):
            Findings.from_json({**document, part: {**document[part], field: value}})
    side = {**document["behaviour"]["tests"][0]["candidate"], "verdict": "perfect"}
    with pytest.raises(FindingsError):
        Findings.from_json(
            {
                **document,
                "behaviour": {
                    **document["behaviour"],
                    "tests": [{**document["behaviour"]["tests"][0], "candidate": side}],
                },
            }
        )
