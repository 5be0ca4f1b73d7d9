"""Behaviour tests as data: what a model must do when a row is changed, or on rows that nobody would get wrong.

Three kinds, after M. T. Ribeiro, T. Wu, C. Guestrin and S. Singh, "Beyond accuracy: behavioral testing of NLP models
with CheckList" (ACL 2020), for rows of a table:

- INVARIANCE: a change that must not matter ("the same person under another name");
- DIRECTION: a change that must move the answer one way ("more income never raises the risk");
- LEAST_FUNCTION: rows whose answer is plain, given in the test or chosen by an expression.

BEHAVIOUR_SCHEMA is the JSON Schema (2020-12) of one test; `behaviour_read` checks it and what a schema cannot say.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import jsonschema

from analysis.contracts.expressions import ExpressionError, parse
from analysis.contracts.report import Json

SCHEMA: Final = 1

INVARIANCE: Final = "INVARIANCE"
DIRECTION: Final = "DIRECTION"
LEAST_FUNCTION: Final = "LEAST_FUNCTION"
KINDS: Final = (INVARIANCE, DIRECTION, LEAST_FUNCTION)

SCORE: Final = "SCORE"
LABEL: Final = "LABEL"
UP: Final = "UP"
DOWN: Final = "DOWN"
NOT_UP: Final = "NOT_UP"
NOT_DOWN: Final = "NOT_DOWN"
DIRECTIONS: Final = (UP, DOWN, NOT_UP, NOT_DOWN)
OPERATIONS: Final = ("to", "add", "multiply", "swap")

_VALUE: Final[Json] = {"type": ["string", "number", "boolean", "null"]}
_CHANGE: Final[Json] = {
    "type": "object",
    "properties": {
        "column": {"type": "string", "minLength": 1},
        "to": {
            "description": "The value that the column gets; a list tries one after the other.",
            "anyOf": [_VALUE, {"type": "array", "items": _VALUE, "minItems": 1, "maxItems": 20}],
        },
        "add": {"type": "number"},
        "multiply": {"type": "number"},
        "swap": {
            "description": "Which value becomes which; a value that is not named stays.",
            "type": "object",
            "additionalProperties": {"type": "string"},
            "minProperties": 1,
            "maxProperties": 500,
        },
    },
    "required": ["column"],
    "additionalProperties": False,
}
_EXPECT: Final[Json] = {
    "type": "object",
    "properties": {
        "label": {"type": ["string", "boolean"]},
        "at_least": {"type": "number"},
        "at_most": {"type": "number"},
    },
    "additionalProperties": False,
    "minProperties": 1,
}
BEHAVIOUR_SCHEMA: Final[Json] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Behaviour test",
    "type": "object",
    "properties": {
        "schema": {"const": SCHEMA},
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "kind": {"enum": list(KINDS)},
        "why": {"description": "Why the model must behave so.", "type": "string", "maxLength": 2000},
        "where": {"description": "Which rows are tested, as a segment expression; all without it.", "type": "string"},
        "change": {"type": "array", "items": _CHANGE, "minItems": 1, "maxItems": 20},
        "compare": {"description": "What must not change: the score, or the answer.", "enum": [SCORE, LABEL]},
        "direction": {"enum": list(DIRECTIONS)},
        "class": {"description": "Of many classes, the one whose score is meant.", "type": "string"},
        "tolerance": {"type": "number", "minimum": 0},
        "expect": _EXPECT,
        "cases": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"values": {"type": "object", "additionalProperties": _VALUE}, "expect": _EXPECT},
                "required": ["values", "expect"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": 1000,
        },
        "least_share": {
            "description": "Share of tested rows that must do so.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
        },
    },
    "required": ["schema", "name", "kind"],
    "additionalProperties": False,
}


class BehaviourError(ValueError):
    """A behaviour test that is not well formed, or does not fit the table or task. `field` names the part at fault."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Change:
    """One column's change by one of OPERATIONS; `value` is what that needs, for "to" a tuple of values to try."""

    column: str
    operation: str
    value: Any


def change_text(change: Change) -> str:
    """A change in words: "checks + 1", "colour: Black becomes White", "age = 20; 30" for values tried in turn."""
    value = change.value
    if change.operation == "to":
        return f"{change.column} = {'; '.join('missing' if one is None else str(one) for one in value)}"
    if change.operation == "swap":
        return f"{change.column}: " + ", ".join(f"{old} becomes {new}" for old, new in value.items())
    sign = "×" if change.operation == "multiply" else "+" if value >= 0 else "−"
    return f"{change.column} {sign} {value if change.operation == 'multiply' else abs(value):g}"


@dataclass(frozen=True, slots=True)
class Expect:
    """What an answer must be: a label, or a score or prediction within bounds."""

    label: str | bool | None = None
    at_least: float | None = None
    at_most: float | None = None

    def text(self) -> str:
        """In words."""
        if self.label is not None:
            return str(self.label)
        parts = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{word} {bound:g}" for word, bound in parts if bound is not None)


@dataclass(frozen=True, slots=True)
class Case:
    """A row written in the test, with what is expected of it; columns that are not named are missing."""

    values: Mapping[str, Any]
    expect: Expect


@dataclass(frozen=True, slots=True)
class BehaviourSpec:
    """One behaviour test; see BEHAVIOUR_SCHEMA for what the parts mean."""

    name: str
    kind: str
    why: str = ""
    where: str | None = None
    change: tuple[Change, ...] = ()
    compare: str = SCORE
    direction: str | None = None
    of_class: str | None = None
    tolerance: float = 0.0
    expect: Expect | None = None
    cases: tuple[Case, ...] = ()
    least_share: float = 1.0


def behaviour_read(data: Any) -> BehaviourSpec:
    """A test from its JSON. Raises BehaviourError with one sentence and the path of the part at fault."""
    error = jsonschema.exceptions.best_match(_validator().iter_errors(data))
    if error is not None:
        raise BehaviourError(error.message, ".".join(str(part) for part in error.absolute_path))
    _finite(data, ())
    spec = BehaviourSpec(
        name=data["name"],
        kind=data["kind"],
        why=data.get("why", ""),
        where=data.get("where"),
        change=tuple(_change(one, place) for place, one in enumerate(data.get("change", ()))),
        compare=data.get("compare", SCORE),
        direction=data.get("direction"),
        of_class=data.get("class"),
        tolerance=float(data.get("tolerance", 0)),
        expect=None if "expect" not in data else _expect(data["expect"], "expect"),
        cases=tuple(
            Case(one["values"], _expect(one["expect"], f"cases.{place}.expect"))
            for place, one in enumerate(data.get("cases", ()))
        ),
        least_share=float(data.get("least_share", 1)),
    )
    _whole(spec, data)
    return spec


def expected_text(spec: BehaviourSpec) -> str:
    """What the rows must do, in words that follow "must": "keep the same answer"."""
    score = f"score of “{spec.of_class}”" if spec.of_class else "score"
    beyond = f" by more than {spec.tolerance:g}" if spec.tolerance else ""
    if spec.kind == INVARIANCE:
        if spec.compare == LABEL:
            return "keep the same answer"
        return f"keep the same {score}" + (f", within {spec.tolerance:g}" if spec.tolerance else "")
    if spec.kind == DIRECTION:
        if spec.direction in (UP, DOWN):
            return f"get a {'higher' if spec.direction == UP else 'lower'} {score}{beyond}"
        return f"get no {'lower' if spec.direction == NOT_DOWN else 'higher'} {score}{beyond}"
    if spec.cases:
        return "be answered as the test says for each row"
    return f"be answered with {spec.expect.text()}" if spec.expect is not None else ""


def behaviour_sentence(spec: BehaviourSpec) -> str:
    """A test in one sentence: "With checks + 1, every row must get no higher score"."""
    if spec.cases:
        return f"Each of its {len(spec.cases)} rows must {expected_text(spec)}."
    share = "every row" if spec.least_share >= 1 else f"at least {100 * spec.least_share:.4g} % of the rows"
    where = f" where {spec.where}" if spec.where else ""
    change = f"With {' and '.join(change_text(one) for one in spec.change)}, " if spec.change else ""
    said = f"{change}{share}{where} must {expected_text(spec)}."
    return said[:1].upper() + said[1:]


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(BEHAVIOUR_SCHEMA)


def _finite(data: Any, path: tuple[str, ...]) -> None:
    """JSON as Python reads it may hold NaN and Infinity, against which nothing ever fails."""
    if isinstance(data, float) and not math.isfinite(data):
        raise BehaviourError("A number is finite", ".".join(path))
    if isinstance(data, dict | list):
        for name, part in data.items() if isinstance(data, dict) else enumerate(data):
            _finite(part, (*path, str(name)))


def _change(data: Json, place: int) -> Change:
    given = [name for name in OPERATIONS if name in data]
    if len(given) != 1:
        raise BehaviourError(f"A change has exactly one of {', '.join(OPERATIONS)}", f"change.{place}")
    value = data[given[0]]
    if given[0] == "to":
        value = tuple(value) if isinstance(value, list) else (value,)
    return Change(data["column"], given[0], value)


def _expect(data: Json, field: str) -> Expect:
    if "label" in data and len(data) > 1:
        raise BehaviourError("Expect either a label or bounds, not both", field)
    found = Expect(data.get("label"), data.get("at_least"), data.get("at_most"))
    if found.at_least is not None and found.at_most is not None and found.at_least > found.at_most:
        raise BehaviourError("The lower bound is above the upper one", field)
    return found


_FIELDS_OF: Final[Mapping[str, frozenset[str]]] = {
    INVARIANCE: frozenset({"change", "compare"}),
    DIRECTION: frozenset({"change", "direction"}),
    LEAST_FUNCTION: frozenset({"expect", "cases"}),
}
"""What belongs to each kind alone."""


def _whole(spec: BehaviourSpec, data: Json) -> None:
    """What a schema cannot say in one sentence a field."""
    own = frozenset().union(*_FIELDS_OF.values())
    strange = sorted((own & data.keys()) - _FIELDS_OF[spec.kind])
    if strange:
        raise BehaviourError(f"A test of the kind {spec.kind} has no {strange[0]}", strange[0])
    if spec.kind != LEAST_FUNCTION and not spec.change:
        raise BehaviourError("Say what is changed", "change")
    if spec.kind == DIRECTION and spec.direction is None:
        raise BehaviourError(f"The direction is one of {', '.join(DIRECTIONS)}", "direction")
    if spec.kind == LEAST_FUNCTION and bool(spec.cases) == (spec.expect is not None):
        raise BehaviourError("Give either cases, or what is expected of the rows chosen", "cases")
    if spec.cases and spec.where is not None:
        raise BehaviourError("Cases are rows of their own; they are not chosen by an expression", "where")
    columns = [one.column for one in spec.change]
    if len(set(columns)) != len(columns):
        raise BehaviourError("A column is changed once", "change")
    if sum(one.operation == "to" and len(one.value) > 1 for one in spec.change) > 1:
        raise BehaviourError("One column at most tries several values", "change")
    if spec.where is not None:
        try:
            parse(spec.where)
        except ExpressionError as error:
            raise BehaviourError(error.message, "where") from error
