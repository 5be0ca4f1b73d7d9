"""Entries as the page of a bundle shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from apps.code import selectors
from apps.code.contracts import Entry
from apps.code.models import Bundle
from apps.core.errors import FairwayError
from workers.contracts.parameters import ordered, range_words, text_of

SOURCES = {
    "pyproject": "declared in pyproject.toml",
    "function": "read from the function's types",
    "argparse": "read from argparse",
    "click": "read from click",
    "typer": "read from typer",
    "notebook": "read from the cell tagged “parameters”",
    "none": "",
}
_HOW = {"function": "function", "script": "script", "program": "console script", "notebook": "notebook"}
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no"}


@dataclass(frozen=True, slots=True)
class ParameterShown:
    """A row of the table of parameters."""

    name: str
    kind: str
    default: str
    allowed: str
    description: str


@dataclass(frozen=True, slots=True)
class EntryShown:
    """One entry with its parameters and the query of its launch page."""

    id: str
    how: str
    title: str
    source: str
    notes: tuple[str, ...]
    blocks: list[str]
    parameters: list[ParameterShown]
    query: str


def entries_shown(bundle: Bundle) -> list[EntryShown]:
    """The entries of a bundle."""
    return [_shown(bundle, entry) for entry in selectors.entries_of(bundle)]


def _shown(bundle: Bundle, entry: Entry) -> EntryShown:
    rows = [
        ParameterShown(name, _kind(one), _default(one, name, entry), _allowed(one), str(one.get("description", "")))
        for name, one in ordered(entry.schema)
    ]
    query = urlencode({"bundle": str(bundle.pk), "entry": entry.id})
    source = SOURCES.get(entry.source, entry.source)
    how = _HOW.get(entry.how, entry.how)
    return EntryShown(entry.id, how, entry.title, source, entry.notes, _blocks(bundle, entry), rows, query)


def _blocks(bundle: Bundle, entry: Entry) -> list[str]:
    """What keeps a notebook from running, as far as its lock can be read."""
    if entry.how != "notebook":
        return []
    try:
        return selectors.notebook_problems(bundle, entry)
    except FairwayError as error:
        return [*entry.blocks, error.detail]


def _kind(one: Mapping[str, Any]) -> str:
    return {"dataset": "dataset version", "model": "model version"}.get(one.get("format", ""), _TYPES[one["type"]])


def _default(one: Mapping[str, Any], name: str, entry: Entry) -> str:
    if "default" in one:
        return text_of(one["default"]) or "empty"
    return "required" if name in entry.schema.get("required", ()) else "none"


def _allowed(one: Mapping[str, Any]) -> str:
    return ", ".join(map(str, one["enum"])) if "enum" in one else range_words(one)
