"""Search spaces of sweeps: which values of which parameters are tried.

A space is {name: axis}. An axis is {"type": "float" | "int", "low", "high", "log"?, "points"?} or
{"type": "categorical", "choices": [...]}. `log` spreads values by ratio; `points` says how many values a grid takes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard

GRID_POINTS: Final = 5
"""How many values of a range a grid takes unless it says."""
MAX_POINTS: Final = 100
MAX_AXES: Final = 20
MAX_CHOICES: Final = 50
MAX_GRID: Final = 1_000


class SpaceError(ValueError):
    """A space that makes no sense: `errors` maps a parameter's name ("" for all) to one sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in errors.items()))
        self.errors = errors


def searchable(schema: Mapping[str, Any]) -> bool:
    """Whether a parameter's schema leaves something to try: numbers, choices and switches, not texts or inputs."""
    return schema.get("type") in ("integer", "number", "boolean") or bool(schema.get("enum"))


def space_check(properties: Mapping[str, Mapping[str, Any]], space: Any) -> dict[str, dict[str, Any]]:
    """The space with every axis in its full form. Raises SpaceError with one sentence for each axis that is not right.

    `properties` are the parameters by their JSON Schemas; each end of a range and each choice has to be allowed there.
    """
    if not isinstance(space, Mapping):
        raise SpaceError({"": "The search space names parameters, each with a range or choices."})
    if not space:
        raise SpaceError({"": "Choose at least one parameter to search over."})
    if len(space) > MAX_AXES:
        raise SpaceError({"": f"At most {MAX_AXES} parameters."})
    found: dict[str, dict[str, Any]] = {}
    errors: dict[str, str] = {}
    for name, axis in space.items():
        schema = properties.get(name)
        if schema is None:
            errors[str(name)] = f"There is no parameter “{name}”; known: {', '.join(properties) or 'none'}."
            continue
        try:
            found[name] = _axis(schema, axis)
        except _AxisError as error:
            errors[name] = str(error)
    if errors:
        raise SpaceError(errors)
    return found


class _AxisError(ValueError):
    pass


def _axis(schema: Mapping[str, Any], axis: Any) -> dict[str, Any]:
    if not isinstance(axis, Mapping):
        raise _AxisError("Give a range or choices.")
    if not searchable(schema):
        raise _AxisError("A text or an input cannot be searched over; give it one value.")
    unknown = set(axis) - {"type", "low", "high", "log", "points", "choices"}
    if unknown:
        raise _AxisError(f"There is no “{sorted(map(str, unknown))[0]}” in a range.")
    if "choices" in axis or schema.get("enum") or schema["type"] == "boolean":
        return _choices(schema, axis)
    return _range(schema, axis)


def _choices(schema: Mapping[str, Any], axis: Mapping[str, Any]) -> dict[str, Any]:
    choices = axis.get("choices")
    if not isinstance(choices, Sequence) or isinstance(choices, str) or len(choices) < 2:
        raise _AxisError("Name two choices or more.")
    if len(choices) > MAX_CHOICES:
        raise _AxisError(f"At most {MAX_CHOICES} choices.")
    kept: list[Any] = []
    for one in choices:
        if not _allowed(schema, one):
            raise _AxisError(f"“{one}” is not allowed here.")
        if any(one == other and type(one) is type(other) for other in kept):
            raise _AxisError(f"“{one}” is there twice.")
        kept.append(one)
    return {"type": "categorical", "choices": kept}


def _range(schema: Mapping[str, Any], axis: Mapping[str, Any]) -> dict[str, Any]:
    whole = schema["type"] == "integer"
    low, high = axis.get("low"), axis.get("high")
    if not _number(low) or not _number(high):
        raise _AxisError("Give both ends of the range as numbers.")
    if whole and not (float(low).is_integer() and float(high).is_integer()):
        raise _AxisError("Give whole numbers.")
    if low >= high:
        raise _AxisError("The lower end has to be below the upper one.")
    for end in (low, high):
        if not _allowed(schema, end):
            raise _AxisError(f"{end:g} is not allowed here.")
    log = axis.get("log", False)
    if not isinstance(log, bool):
        raise _AxisError("“log” is true or false.")
    if log and low <= 0:
        raise _AxisError("A logarithmic range begins above 0.")
    points = axis.get("points", GRID_POINTS)
    if isinstance(points, bool) or not isinstance(points, int) or not 2 <= points <= MAX_POINTS:
        raise _AxisError(f"A grid takes 2 to {MAX_POINTS} values of a range.")
    ends: tuple[float, float] = (int(low), int(high)) if whole else (float(low), float(high))
    return {"type": "int" if whole else "float", "low": ends[0], "high": ends[1], "log": log, "points": points}


def _number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value)


def _allowed(schema: Mapping[str, Any], value: Any) -> bool:
    if schema["type"] == "boolean":
        return isinstance(value, bool)
    if schema.get("enum"):
        return value in schema["enum"] and not isinstance(value, bool)
    if not _number(value) or (schema["type"] == "integer" and not float(value).is_integer()):
        return False
    return bool(
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", -math.inf)
        and value < schema.get("exclusiveMaximum", math.inf)
    )


def axis_values(axis: Mapping[str, Any]) -> list[Any]:
    """The values of one axis that a grid tries, lowest first, each once."""
    if axis["type"] == "categorical":
        return list(axis["choices"])
    low, high, count = axis["low"], axis["high"], int(axis.get("points", GRID_POINTS))
    shares = [number / (count - 1) for number in range(count)]
    if axis.get("log"):
        values = [math.exp(math.log(low) + share * (math.log(high) - math.log(low))) for share in shares]
    else:
        values = [low + share * (high - low) for share in shares]
    if axis["type"] == "int":
        return sorted({round(value) for value in values})
    # The ends as they were given, not as they come back from a logarithm.
    return [low, *values[1:-1], high]


def grid_size(space: Mapping[str, Mapping[str, Any]]) -> int:
    """How many combinations a grid has."""
    return math.prod(len(axis_values(axis)) for axis in space.values())


def grid_points(space: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every combination, the last parameter changing fastest; the same space gives the same order."""
    for values in itertools.product(*(axis_values(axis) for axis in space.values())):
        yield dict(zip(space, values, strict=True))
