"""Pages of a table that is sorted by a walk: several parts one after the other, so that an index serves each.

A column whose `sort` is a function gives the parts. Ids are read first and the rows of the page afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from django.db.models import QuerySet

from apps.core.packing import value_pack, value_unpack
from apps.core.search_pages import Part, Place, places_read, rows_in_order, sorted_ids
from apps.core.tables.keyset import Slice, cursor_read, cursor_write

# (rows that the filters leave, whether the sort runs downwards) -> parts.
Walk = Callable[[QuerySet[Any], bool], Sequence[Part]]


@dataclass(frozen=True)
class Step:
    """The row of a walk that a page continues from."""

    place: Place

    def encode(self) -> str:
        return cursor_write([self.place.part, [value_pack(value) for value in self.place.values]])

    @classmethod
    def decode(cls, text: str) -> Step | None:
        def step(packed: Any) -> Step:
            part, values = packed
            return cls(Place(int(part), tuple(value_unpack(value) for value in values)))

        return cursor_read(text, step)


def walk_page(
    rows: QuerySet[Any], parts: Sequence[Part], size: int, after: Step | None = None, before: Step | None = None
) -> Slice:
    """At most `size` rows after (or before) a step. Raises ValueError or Invalid for a step of another walk."""
    step = before or after
    found, more = places_read(parts, step.place if step else None, size, backwards=before is not None)
    if not found:
        return Slice([], None, None)
    if before is not None:
        found.reverse()
    has_previous = more if before else after is not None
    has_next = True if before else more
    first, last = Step(found[0][1]), Step(found[-1][1])
    held = rows_in_order(rows, [pk for pk, _ in found])
    return Slice(held, first if has_previous else None, last if has_next else None)


def walk_chunks(rows: QuerySet[Any], parts: Sequence[Part], size: int) -> Iterator[list[Any]]:
    """All rows in order, `size` at a time, in constant memory."""
    ids = chain.from_iterable(
        (found[0] for found in sorted_ids(queryset, columns).iterator(chunk_size=size)) for queryset, columns in parts
    )
    while chunk := list(islice(ids, size)):
        yield rows_in_order(rows, chunk)
