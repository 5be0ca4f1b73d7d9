"""Short lists that are no table of the database: found by words and sorted on the server, state in the address."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.http import HttpRequest

from apps.core.tables.response import safe_cell

T = TypeVar("T")
MAX_FIND = 100


@dataclass(frozen=True, slots=True)
class Heading(Generic[T]):
    """A column's head. `sort` gives what rows are ordered by, None where there is no number; without it the column is
    not sorted.
    """

    key: str
    label: str
    sort: Callable[[T], Any] | None = None
    css: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class BoundHead:
    """A head as a template draws it; `direction` is what aria-sort says."""

    label: str
    css: str
    help: str
    url: str
    direction: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The rows that are left, in order, with their heads; `count` is how many there were."""

    rows: list[T]
    heads: list[BoundHead]
    count: int
    find: str
    kept: list[tuple[str, str]]


def listing_make(
    request: HttpRequest, rows: Sequence[T], heads: Sequence[Heading[T]], *, words: Callable[[T], str], default: str
) -> Listing[T]:
    """`?find=` keeps rows whose words hold all of it, `?sort=key` or `-key` orders them; `default` without one.

    Rows without a value come last either way; what an address says wrongly is left aside.
    """
    find = request.GET.get("find", "").replace("\x00", "").strip()[:MAX_FIND]
    wanted = [word for word in find.lower().split() if word]
    left = [row for row in rows if all(word in words(row).lower() for word in wanted)]
    by = {head.key: head.sort for head in heads if head.sort is not None}
    given = request.GET.get("sort", "")
    given = given if given.removeprefix("-") in by else default
    key, falling = given.removeprefix("-"), given.startswith("-")
    if key in by:
        left = _ordered(left, by[key], falling=falling)
    kept = [(name, value) for name, values in request.GET.lists() if name != "find" for value in values]
    return Listing(left, [_bound(request, head, key, falling=falling) for head in heads], len(rows), find, kept)


def _ordered(rows: Iterable[T], value: Callable[[T], Any], *, falling: bool) -> list[T]:
    pairs = [(value(row), row) for row in rows]
    known = [pair for pair in pairs if pair[0] is not None]
    texts = any(isinstance(one, str) for one, _ in known)
    known.sort(key=lambda pair: str(pair[0]).lower() if texts else pair[0], reverse=falling)
    return [row for _, row in known] + [row for one, row in pairs if one is None]


def _bound(request: HttpRequest, head: Heading[T], key: str, *, falling: bool) -> BoundHead:
    if head.sort is None:
        return BoundHead(head.label, head.css, head.help, "", "")
    query = request.GET.copy()
    current = head.key == key
    query["sort"] = head.key if current and falling else f"-{head.key}"
    direction = ("descending" if falling else "ascending") if current else ""
    return BoundHead(head.label, head.css, head.help, f"?{query.urlencode()}", direction)


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV text in full precision; a text that a spreadsheet would run as a formula is set off."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(safe_cell(value))
