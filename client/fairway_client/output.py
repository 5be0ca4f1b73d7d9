"""What is printed: aligned columns or facts for people, JSON for scripts. Text of others never steers the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

# Everything that moves a cursor, changes a title or rings: all control characters but tabs, and escape sequences.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
Columns = Mapping[str, str | Callable[[dict[str, Any]], Any]]


def safe(value: Any) -> str:
    """A value as one line of text without control characters; None is empty."""
    text = "" if value is None else str(value)
    return _CONTROLS.sub(" ", _ESCAPES.sub("", text))


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def cell(row: dict[str, Any], column: str | Callable[[dict[str, Any]], Any]) -> str:
    return safe(column(row) if callable(column) else row.get(column))


def print_rows(rows: Iterable[dict[str, Any]], columns: Columns, *, as_json: bool, empty: str) -> None:
    """A table with a heading; or a JSON list of the rows as the API has them. `empty` is said when there are none."""
    found = list(rows)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo(empty, err=True)
        return
    _print_aligned([list(columns), *([cell(row, column) for column in columns.values()] for row in found)])


def _print_aligned(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_facts(thing: Any, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Names and values, one a line; or the thing as the API has it."""
    if as_json:
        print_json(thing)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        if value not in (None, ""):
            click.echo(f"{name.ljust(width)}  {safe(value)}")


def size(count: Any) -> str:
    """Bytes for people."""
    number = float(count or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("the last unit takes all")


def moment(text: Any) -> str:
    """A time of the API without fractions of a second."""
    return re.sub(r"\.\d+", "", str(text or "")).replace("T", " ").replace("+00:00", "Z")
