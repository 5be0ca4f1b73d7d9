"""What a behaviour test may say: the checks behind its form, the API and the demo alike.

The shape is `analysis.contracts.behaviour`; fields at fault are named as the API names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.contracts.behaviour import LABEL, SCHEMA, BehaviourError, BehaviourSpec, behaviour_read
from analysis.contracts.metrics import MULTICLASS, RANKING, REGRESSION
from apps.core.errors import Invalid
from apps.problems.models import BehaviourVersion
from apps.problems.rules import MAX_EXPRESSION, Faults, name_clean, text_clean

DEFINITION: Final = (
    "where",
    "change",
    "compare",
    "direction",
    "class",
    "tolerance",
    "expect",
    "cases",
    "least_share",
)
MAX_WHY: Final = 500
MAX_TESTS: Final = 50
_LARGEST: Final = 1e15
_LONGEST: Final = 2000
_DEEPEST: Final = 8


def behaviour_clean(given: Mapping[str, Any], *, task: str) -> dict[str, Any]:
    """name, kind, why, critical and definition of a test of a problem with this task. Raises Invalid."""
    faults = Faults()
    clean: dict[str, Any] = {"critical": bool(given.get("critical", False))}
    try:
        clean["name"] = name_clean(given.get("name", ""))
    except Invalid as error:
        faults.take(error)
    try:
        clean["why"] = text_clean(given.get("why", ""), "why", MAX_WHY)
        if not clean["why"]:
            faults.add("why", "Say in one sentence why a model must behave so.")
    except Invalid as error:
        faults.take(error)
    clean["kind"] = given.get("kind")
    if clean["kind"] not in BehaviourVersion.Kind.values:
        faults.add("kind", f"One of {', '.join(BehaviourVersion.Kind.values)}.")
        faults.raise_any()
    definition = {name: given[name] for name in DEFINITION if given.get(name) not in (None, "", [], {})}
    try:
        _plain_check(definition, "", 0)
        spec = _read({"name": "t", "kind": clean["kind"], **definition})
        _task_check(spec, task)
    except Invalid as error:
        faults.take(error)
    faults.raise_any()
    return clean | {"definition": definition}


def _plain_check(value: Any, field: str, depth: int) -> None:
    """Texts that can be stored, numbers that can be written, nothing nested beyond what the shape has."""
    if depth > _DEEPEST:
        raise Invalid.field(field, "This is nested too deeply.")
    if isinstance(value, str):
        text_clean(value, field, MAX_EXPRESSION if field == "where" else _LONGEST)
    elif isinstance(value, int | float) and not abs(value) <= _LARGEST:
        raise Invalid.field(field, "This number is too large.")
    elif isinstance(value, Mapping):
        for name, part in value.items():
            text_clean(name, field or "definition", _LONGEST)
            _plain_check(part, field or str(name), depth + 1)
    elif isinstance(value, list | tuple):
        for part in value:
            _plain_check(part, field, depth + 1)


def _read(test: dict[str, Any]) -> BehaviourSpec:
    try:
        return behaviour_read({"schema": SCHEMA, **test})
    except BehaviourError as error:
        field = error.field.split(".")[0] or "change"
        raise Invalid.field(field, f"{error.message[:300].rstrip('.')}.") from error


def _task_check(spec: BehaviourSpec, task: str) -> None:
    """What the shape allows and the problem's task does not."""
    if task == RANKING:
        raise Invalid.field("kind", "A behaviour test asks about single rows, and an order says nothing of one alone.")
    labels = [one.label for one in (spec.expect, *(case.expect for case in spec.cases)) if one is not None]
    if task == REGRESSION and spec.compare == LABEL:
        raise Invalid.field("compare", "The answer is a number; compare the score.")
    if task == REGRESSION and any(label is not None for label in labels):
        raise Invalid.field("expect", "The answer is a number; give bounds.")
    scored = spec.direction is not None or any(label is None for label in labels)
    if task == MULTICLASS and scored and spec.of_class is None:
        raise Invalid.field("class", "Say whose score is meant.")
    if task != MULTICLASS and spec.of_class is not None:
        raise Invalid.field("class", "Only a problem of many classes has a score for each.")
