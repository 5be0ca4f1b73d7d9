"""What a table draws: cells, rows, heads, chips of filters, buttons for the selected rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from apps.core.tables.columns import Column

MOST_ROWS = 200


@dataclass(frozen=True)
class BulkAction:
    """A button for the selected rows; `url` is an address or its name, which gets `selected=<id>` for each row."""

    label: str
    url: str
    method: str = "get"
    least: int = 1
    most: int = MOST_ROWS
    danger: bool = False

    @property
    def address(self) -> str:
        if self.url.startswith("/"):
            return self.url
        try:
            return reverse(self.url)
        except NoReverseMatch:
            return ""


@dataclass(frozen=True)
class Cell:
    """One drawn cell."""

    column: Column
    html: SafeString


@dataclass(frozen=True)
class Row:
    """One drawn row; `url` opens it."""

    object: Any
    pk: Any
    url: str
    cells: list[Cell]
    label: str
    pinned: bool = False
    css: str = ""


@dataclass(frozen=True)
class Head:
    """A column head with the address that sorts by it."""

    column: Column
    sort_url: str = ""
    direction: str = ""


@dataclass(frozen=True)
class Chip:
    """A filter in force and the address without it."""

    label: str
    words: str
    remove_url: str
