"""The changes of a behaviour test as people write them, one column a line, and back.

checks + 1            also − (or -) and × (or *), for numbers
age = 20; 30; 40      values that are tried in turn; "missing" is none, quotes make a text of a number
colour: Black becomes White, White becomes Black
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_SWAP = re.compile(r"^(?P<column>[^:]+):\s+(?P<pairs>.+ becomes .+)$")
_OTHER = re.compile(r"^(?P<column>.+?)\s+(?P<sign>[=+\-−*×])\s+(?P<value>.+)$")
_EXAMPLES = "checks + 1, age = 20; 30, or colour: Black becomes White"


def changes_read(text: str) -> list[dict[str, Any]]:
    """The changes as the API takes them. Raises ValueError with a sentence that names the line."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    return [_line(number, line) for number, line in lines if line]


def _line(number: int, line: str) -> dict[str, Any]:
    swap = _SWAP.match(line)
    if swap is not None:
        pairs = [part.split(" becomes ") for part in re.split(r",\s*", swap["pairs"])]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"Line {number}: write each pair as “Black becomes White”, with commas between pairs.")
        return {"column": swap["column"].strip(), "swap": {old.strip(): new.strip() for old, new in pairs}}
    other = _OTHER.match(line)
    if other is None:
        raise ValueError(f"Line {number} is no change. Write it as {_EXAMPLES}.")
    column, sign, value = other["column"].strip(), other["sign"], other["value"].strip()
    if sign == "=":
        tried = [_value(part.strip()) for part in value.split(";")]
        return {"column": column, "to": tried if len(tried) > 1 else tried[0]}
    try:
        amount = float(value)
    except ValueError:
        raise ValueError(f"Line {number}: “{value}” is no number.") from None
    if sign in "*×":
        return {"column": column, "multiply": amount}
    return {"column": column, "add": amount if sign == "+" else -amount}


def _value(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text == "missing":
        return None
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if re.fullmatch(r"-?\d{1,15}", text) else float(text)
    except ValueError:
        return text


def changes_write(changes: Sequence[dict[str, Any]]) -> str:
    """The lines of changes that the API gave; reading them gives the same."""
    return "\n".join(_written(one) for one in changes)


def _written(change: dict[str, Any]) -> str:
    column = change["column"]
    if "swap" in change:
        return f"{column}: " + ", ".join(f"{old} becomes {new}" for old, new in change["swap"].items())
    if "multiply" in change:
        return f"{column} × {change['multiply']:.15g}"
    if "add" in change:
        return f"{column} {'−' if change['add'] < 0 else '+'} {abs(change['add']):.15g}"
    given = change["to"]
    return f"{column} = " + "; ".join(_shown(one) for one in (given if isinstance(given, list) else [given]))


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _value(value) == value and value else f'"{value}"'
    return f"{value:.15g}"
