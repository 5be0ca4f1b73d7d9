"""Behaviour tests as data: what is well formed, and a clear sentence at its field for what is not."""

import copy
import json
from contextlib import suppress
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.contracts.behaviour import BEHAVIOUR_SCHEMA, BehaviourError, behaviour_read

NAMES = {
    "schema": 1,
    "name": "The same person under another name",
    "kind": "INVARIANCE",
    "why": "A name says nothing about risk.",
    "where": "age >= 18",
    "change": [{"column": "name", "to": ["Anna", "Ayşe"]}],
    "tolerance": 0.01,
}
INCOME = {
    "schema": 1,
    "name": "More income never raises the risk",
    "kind": "DIRECTION",
    "change": [{"column": "income", "multiply": 1.1}],
    "direction": "NOT_UP",
}
PLAIN = {
    "schema": 1,
    "name": "Plain cases",
    "kind": "LEAST_FUNCTION",
    "cases": [{"values": {"age": 30}, "expect": {"label": "repaid"}}, {"values": {}, "expect": {"at_least": 0.1}}],
    "least_share": 0.9,
}


def test_the_schema_is_one_and_takes_the_examples() -> None:
    jsonschema.Draft202012Validator.check_schema(BEHAVIOUR_SCHEMA)

    for data in (NAMES, INCOME, PLAIN):
        spec = behaviour_read(json.loads(json.dumps(data)))
        assert spec.name == data["name"]
    assert behaviour_read(NAMES).change[0].value == ("Anna", "Ayşe")
    assert behaviour_read(PLAIN).cases[1].expect.text() == "at least 0.1"


@pytest.mark.parametrize(
    ("base", "change", "field"),
    [
        (NAMES, {"kind": "MAGIC"}, "kind"),
        (NAMES, {"schema": 2}, "schema"),
        (NAMES, {"tolerance": -1}, "tolerance"),
        (NAMES, {"tolerance": float("nan")}, "tolerance"),
        (INCOME, {"change": [{"column": "income", "add": float("inf")}]}, "change.0.add"),
        (NAMES, {"where": "age >="}, "where"),
        (NAMES, {"change": []}, "change"),
        (NAMES, {"change": [{"column": "a"}]}, "change.0"),
        (NAMES, {"change": [{"column": "a", "to": 1, "add": 2}]}, "change.0"),
        (NAMES, {"change": [{"column": "a", "to": 1}, {"column": "a", "add": 2}]}, "change"),
        (NAMES, {"change": [{"column": "a", "to": [1, 2]}, {"column": "b", "to": [1, 2]}]}, "change"),
        (NAMES, {"direction": "UP"}, "direction"),
        (NAMES, {"expect": {"label": "x"}}, "expect"),
        (NAMES, {"least_share": 1.5}, "least_share"),
        (INCOME, {"direction": None}, "direction"),
        (PLAIN, {"expect": {"label": "x"}}, "cases"),
        (PLAIN, {"where": "age > 3"}, "where"),
        (PLAIN, {"cases": [{"values": {}, "expect": {"label": "x", "at_most": 1}}]}, "cases.0.expect"),
        (PLAIN, {"cases": [{"values": {}, "expect": {"at_least": 2, "at_most": 1}}]}, "cases.0.expect"),
    ],
)
def test_a_fault_is_said_at_its_field(base: dict[str, Any], change: dict[str, Any], field: str) -> None:
    with pytest.raises(BehaviourError) as caught:
        behaviour_read({**copy.deepcopy(base), **change})

    assert caught.value.field == field
    assert caught.value.message


def test_what_is_missing_is_said() -> None:
    for base, part, field in (
        (INCOME, "direction", "direction"),
        (INCOME, "change", "change"),
        (PLAIN, "cases", "cases"),
    ):
        with pytest.raises(BehaviourError) as caught:
            behaviour_read({name: value for name, value in base.items() if name != part})
        assert caught.value.field == field


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([NAMES, INCOME, PLAIN]), st.sampled_from(list(BEHAVIOUR_SCHEMA["properties"])), JSON)
def test_nothing_but_the_one_error_is_raised(base: dict[str, Any], name: str, value: Any) -> None:
    with suppress(BehaviourError):
        behaviour_read({**base, name: value})
