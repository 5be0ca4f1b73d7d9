"""Parameters of people's own code: one JSON Schema that the form, the API, the command line and the child go by.

A schema is {"type": "object", "properties": {name: property}, "required": [names]}. A property has a `type` of TYPES,
and may have `title`, `description`, `default`, `enum`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`,
`maxLength` and `format`: "dataset" or "model" for an input whose value is the id of a version. How a value stands on
a command line say `x-flag` (the option), `x-off` (the option that says false) and `x-position` (from 0, for what has no
option). Standard library only.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

TYPES = ("string", "integer", "number", "boolean")
INPUTS = ("dataset", "model")
MAX_PARAMETERS = 200
MAX_TEXT = 4_000
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")
_FLAG = re.compile(r"^--?[A-Za-z][A-Za-z0-9_.-]{0,99}$")
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_KEYS = frozenset(
    {"type", "title", "description", "default", "enum", "maxLength", "format", "x-flag", "x-off", "x-position"}
) | frozenset(_LIMITS)


class ParameterError(Exception):
    """Values or a schema that cannot be used: one sentence for each parameter ("" for the whole)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


def schema_make(properties: Mapping[str, Mapping[str, Any]], required: list[str] | None = None) -> dict[str, Any]:
    """A whole schema of these properties; what has no default and is not said to be optional is required."""
    names = [name for name, one in properties.items() if "default" not in one] if required is None else required
    return {
        "type": "object",
        "properties": {name: dict(one) for name, one in properties.items()},
        "required": names,
        "additionalProperties": False,
        "x-order": list(properties),  # a database sorts the keys of an object
    }


def ordered(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(name, property) of each parameter in the order of its source."""
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    names = [name for name in schema.get("x-order", ()) if name in properties]
    return [(name, properties[name]) for name in (*names, *(one for one in properties if one not in names))]


EMPTY: dict[str, Any] = schema_make({})


def property_check(name: str, found: Any) -> dict[str, Any]:
    """A declared property with its limits as numbers. Raises ParameterError, which says what of it is not right."""

    def wrong(text: str) -> ParameterError:
        return ParameterError({name: f"Parameter “{name}”: {text}"})

    if not _NAME.match(name):
        raise wrong("a name has letters, digits and underscores, and begins with no digit.")
    if not isinstance(found, Mapping):
        raise wrong('say its type, as in { type = "number", default = 0.1 }.')
    unknown = sorted(set(map(str, found)) - _KEYS)
    if unknown:
        raise wrong(f"there is no key “{unknown[0]}”; known are {', '.join(sorted(_KEYS))}.")
    one = dict(found)
    kind = one.setdefault("type", "string")
    if kind not in TYPES:
        raise wrong(f"its type is one of {', '.join(TYPES)}.")
    if "format" in one and (one["format"] not in INPUTS or kind != "string"):
        raise wrong(f"a format is one of {', '.join(INPUTS)}, of a string.")
    for key in ("title", "description"):
        if key in one:
            one[key] = str(one[key])[:500]
    for key in _LIMITS:
        if key in one and (kind not in ("integer", "number") or not _is_number(one[key])):
            raise wrong(f"{key} is a number, of a number.")
    for key in ("x-flag", "x-off"):
        if key in one and not (
            isinstance(one[key], str) and (_FLAG.match(one[key]) or (key, one[key]) == ("x-flag", ""))
        ):
            raise wrong(f"{key} is an option such as --rate.")
    if "enum" in one:
        choices = one["enum"]
        if not isinstance(choices, list) or not 0 < len(choices) <= 200:
            raise wrong("enum lists 1 to 200 choices.")
        one["enum"] = [_typed(kind, choice) for choice in choices]
        if None in one["enum"]:
            raise wrong("the choices of enum are of its type.")
    if "default" in one:
        problem = value_problem(one, one["default"])
        if problem:
            raise wrong(f"its default is not allowed. {problem}")
        one["default"] = _typed(kind, one["default"])
    return one


def schema_check(properties: Any, required: Any = None) -> dict[str, Any]:
    """The schema of declared properties. Raises ParameterError."""
    if not isinstance(properties, Mapping):
        raise ParameterError({"": "Parameters are a table of names."})
    if len(properties) > MAX_PARAMETERS:
        raise ParameterError({"": f"At most {MAX_PARAMETERS} parameters."})
    return schema_make({str(name): property_check(str(name), one) for name, one in properties.items()}, required)


def values_clean(schema: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values with defaults filled in, each of its type; an optional one that is not given is left out.

    Raises ParameterError with one sentence for each parameter that is not right.
    """
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    given = given or {}
    errors: dict[str, str] = {}
    for name in given:
        if name not in properties:
            known = ", ".join(one for one, _ in ordered(schema)) or "none"
            errors[str(name)] = f"There is no parameter “{name}”; known: {known}."
    values: dict[str, Any] = {}
    for name, one in ordered(schema):
        value = given.get(name)
        if value is None or value == "":
            if "default" in one:
                values[name] = one["default"]
            elif name in schema.get("required", ()):
                errors[name] = {"dataset": "Choose a dataset version.", "model": "Choose a model version."}.get(
                    one.get("format", ""), "This has no default: give a value."
                )
            continue
        problem = value_problem(one, value)
        if problem:
            errors[name] = problem
        else:
            values[name] = _typed(one["type"], value)
    if errors:
        raise ParameterError(errors)
    return values


def value_problem(one: Mapping[str, Any], value: Any) -> str:
    """Why a value is not one of the property, in a sentence; "" when it is."""
    kind = one["type"]
    if kind == "boolean":
        return "" if isinstance(value, bool) else "Answer true or false."
    if "enum" in one:
        return "" if _typed(kind, value) in one["enum"] else "Choose one of: " + ", ".join(map(str, one["enum"])) + "."
    if kind == "string":
        if not isinstance(value, str):
            return "Give a text."
        most = int(one.get("maxLength", MAX_TEXT))
        if len(value) > most:
            return f"At most {most} characters."
        return "A text without NUL." if "\x00" in value else ""
    if not _is_number(value) or (kind == "integer" and not float(value).is_integer()):
        return f"Give {_wanted(one)}."
    low, high = one.get("minimum"), one.get("maximum")
    above, below = one.get("exclusiveMinimum"), one.get("exclusiveMaximum")
    outside = (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    )
    return f"Give {_wanted(one)}." if outside else ""


def range_words(one: Mapping[str, Any]) -> str:
    """The range of a number in words: "at least 0 and less than 1"; "" without one."""
    words = [
        f"{word} {one[key]:g}"
        for key, word in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
        )
        if key in one
    ]
    return " and ".join(words)


def argv_of(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """The values as words of a command line: options first, then what stands by position."""
    options: list[str] = []
    placed: list[tuple[int, str]] = []
    for name, one in ordered(schema):
        if name not in values:
            continue
        value = values[name]
        if "x-position" in one:
            placed.append((int(one["x-position"]), text_of(value)))
            continue
        flag = str(one.get("x-flag") or "--" + name.replace("_", "-"))
        if isinstance(value, bool):
            if value and one.get("x-flag") != "":
                options.append(flag)
            elif not value and one.get("x-off"):
                options.append(str(one["x-off"]))
        elif flag.startswith("--"):
            options.append(f"{flag}={text_of(value)}")  # one word, so that a value may begin with a dash
        else:
            options += [flag, text_of(value)]
    return options + [text for _, text in sorted(placed)]


def text_of(value: Any) -> str:
    """A value as a command line and a run's param say it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _wanted(one: Mapping[str, Any]) -> str:
    kind = "a whole number" if one["type"] == "integer" else "a number"
    limits = range_words(one)
    return f"{kind}, {limits}" if limits else kind


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if isinstance(value, int):
        return abs(value) < 2**63
    return math.isfinite(value)


def _typed(kind: str, value: Any) -> Any:
    """The value as its type; None when it is none of it."""
    if kind == "string":
        return value if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if not _is_number(value):
        return None
    if kind == "integer":
        return int(value) if float(value).is_integer() else None
    return float(value)
