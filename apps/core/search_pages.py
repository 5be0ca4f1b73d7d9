"""Pages of a search: sorted by several columns, continued after a row and never by counting, with signed tokens.

A token holds the sort values of the row that ended a page and the digest of the question, so it fits no other question
and nobody can make one. What the asker may see is decided anew for every page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core import signing
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import Combinable

from apps.core.errors import Invalid
from apps.core.packing import value_pack, value_unpack

Row = TypeVar("Row", bound=Model)
_SALT = "apps.core.search_pages"


@dataclass(frozen=True)
class Column:
    """Sort by `value`; where it may be missing (`nullable`), what is missing comes last either way."""

    value: Combinable
    descending: bool = False
    nullable: bool = False


@dataclass(frozen=True)
class Place:
    """Where a page ended: in which of a search's parts, and the sort values of its last row."""

    part: int
    values: tuple[Any, ...]


# A part of a search: its rows and how they are sorted. One part follows the other.
Part = tuple[QuerySet[Any], Sequence[Column]]


def page_read(
    rows: QuerySet[Row], parts: Sequence[Part], place: Place | None, limit: int
) -> tuple[list[Row], Place | None]:
    """At most `limit` rows after a place, and where the next page goes on (None: there is no more).

    Ids and sort values are read first and the rows of the page afterwards, so that no sort carries whole rows.
    """
    found, more = places_read(parts, place, limit)
    return rows_in_order(rows, [pk for pk, _ in found]), found[-1][1] if more and found else None


def places_read(
    parts: Sequence[Part], place: Place | None, limit: int, *, backwards: bool = False
) -> tuple[list[tuple[Any, Place]], bool]:
    """The ids of at most `limit` rows beyond a place, each with its own place, and whether there are more.

    Backwards they are the rows before the place, the nearest one first.
    """
    found: list[tuple[Any, Place]] = []
    numbers = range(len(parts) - 1, -1, -1) if backwards else range(len(parts))
    if place is not None:
        numbers = numbers[numbers.index(place.part) :]
    for number in numbers:
        queryset, columns = parts[number]
        beyond = place.values if place and number == place.part else None
        for pk, *values in sorted_ids(queryset, columns, beyond, backwards=backwards)[: limit + 1 - len(found)]:
            if len(found) == limit:
                return found, True
            found.append((pk, Place(number, tuple(values))))
    return found, False


def rows_in_order(rows: QuerySet[Row], ids: Sequence[Any]) -> list[Row]:
    """The rows of these ids; one that was removed a moment ago is left out."""
    held = {row.pk: row for row in rows.filter(pk__in=ids)} if ids else {}
    return [held[pk] for pk in ids if pk in held]


def _name(number: int) -> str:
    return f"search_{number}"


def sorted_ids(
    queryset: QuerySet[Any], columns: Sequence[Column], beyond: Sequence[Any] | None = None, *, backwards: bool = False
) -> QuerySet[Any]:
    """(id, sort values) of the rows of a part, of those after (or before) the sort values `beyond` alone."""
    rows: QuerySet[Any] = queryset.annotate(**{_name(n): column.value for n, column in enumerate(columns)})
    if beyond is not None:
        rows = rows.filter(_beyond(columns, beyond, backwards))
    order = []
    for number, column in enumerate(columns):
        # Backwards is the mirror image, so what is missing comes first there.
        nulls = {"nulls_first" if backwards else "nulls_last": True} if column.nullable else {}
        name = F(_name(number))
        order.append(name.desc(**nulls) if column.descending != backwards else name.asc(**nulls))
    return rows.order_by(*order).values_list("pk", *(_name(n) for n in range(len(columns))))


def _beyond(columns: Sequence[Column], after: Sequence[Any], backwards: bool) -> Q:
    """Rows after (or before) the one with these sort values."""
    if len(columns) != len(after):
        raise Invalid.field("page_token", "Invalid page token.")
    beyond, same = Q(pk__in=[]), Q()
    for number, (column, value) in enumerate(zip(columns, after, strict=True)):
        name = _name(number)
        if value is None:
            if backwards:
                beyond |= same & Q(**{f"{name}__isnull": False})
            same &= Q(**{f"{name}__isnull": True})
            continue
        ahead = Q(**{f"{name}__{_step(column, backwards)}": value})
        if column.nullable and not backwards:
            ahead |= Q(**{f"{name}__isnull": True})
        beyond |= same & ahead
        same &= Q(**{name: value})
    if columns[0].nullable or after[0] is None:
        return beyond
    # Said once more alone, so that an index finds the start.
    return Q(**{f"{_name(0)}__{_step(columns[0], backwards)}e": after[0]}) & beyond


def _step(column: Column, backwards: bool) -> str:
    return "lt" if column.descending != backwards else "gt"


def digest_of(question: Any) -> str:
    """A short fingerprint of what is asked, from anything that JSON can hold."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def token_of(place: Place, digest: str) -> str:
    """The text with which a client asks for the page after a place."""
    payload = [digest, place.part, [value_pack(value) for value in place.values]]
    return signing.dumps(payload, salt=_SALT, compress=True)


def place_of(token: str, digest: str) -> Place:
    """The place that a token names. Raises Invalid for one that was not given out for this question."""
    try:
        asked, part, values = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise Invalid.field("page_token", "Invalid page token.") from error
    if asked != digest:
        raise Invalid.field("page_token", "The page token belongs to another search. Ask for the first page again.")
    return Place(part, tuple(value_unpack(value) for value in values))
