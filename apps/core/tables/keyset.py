"""Paging by key: order by (value, id) with NULLs last, continue after or before a row, never by offset.

The cursor carries the sort value and the id of the edge row; a cursor that cannot be read means the first page.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import BaseExpression, Combinable

from apps.core.packing import value_pack, value_unpack

SORT_ALIAS = "table_sort"
Place = TypeVar("Place")


class Cursor(Protocol):
    """A place in a list that can stand in an address."""

    def encode(self) -> str: ...


def cursor_write(packed: Any) -> str:
    """A place in a list as text for an address."""
    text = json.dumps(packed, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor_read(text: str, place: Callable[[Any], Place]) -> Place | None:
    """What `place` makes of the cursor; None for one that cannot be read."""
    try:
        return place(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, binascii.Error, OverflowError):
        return None


@dataclass(frozen=True)
class Edge:
    """The row that a page continues from."""

    value: Any
    pk: Any

    def encode(self) -> str:
        return cursor_write([value_pack(self.value), value_pack(self.pk)])

    @classmethod
    def decode(cls, text: str) -> Edge | None:
        def edge(packed: Any) -> Edge:
            value, pk = packed
            return cls(value_unpack(value), value_unpack(pk))

        return cursor_read(text, edge)


@dataclass(frozen=True)
class Order:
    """Sort by `expression` (None: by id alone), `descending` or not, NULLs at the end either way."""

    expression: str | BaseExpression | Combinable | None
    descending: bool = False
    nullable: bool = True

    def annotate(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.expression is None:
            return queryset
        value = F(self.expression) if isinstance(self.expression, str) else self.expression
        annotated: QuerySet[Any] = queryset.annotate(**{SORT_ALIAS: value})
        return annotated

    def sort(self, queryset: QuerySet[Any], backwards: bool = False) -> QuerySet[Any]:
        down = self.descending != backwards
        tie = "-pk" if down else "pk"
        if self.expression is None:
            return queryset.order_by(tie)
        key = F(SORT_ALIAS)
        if not self.nullable:
            return queryset.order_by(key.desc() if down else key.asc(), tie)
        # Backwards is the mirror image, so NULLs come first there.
        nulls: dict[str, bool] = {"nulls_first": True} if backwards else {"nulls_last": True}
        return queryset.order_by(key.desc(**nulls) if down else key.asc(**nulls), tie)

    def edge(self, row: Any) -> Edge:
        return Edge(None if self.expression is None else getattr(row, SORT_ALIAS), row.pk)

    def beyond(self, edge: Edge, backwards: bool = False) -> Q:
        """Rows after the edge in this order; before it when `backwards`."""
        down = self.descending != backwards
        step = "lt" if down else "gt"
        tie = Q(**{f"pk__{step}": edge.pk})
        if self.expression is None:
            return tie
        is_null = Q(**{f"{SORT_ALIAS}__isnull": True})
        if edge.value is None:
            return (~is_null | tie) if backwards else (is_null & tie)
        ahead = Q(**{f"{SORT_ALIAS}__{step}": edge.value})
        same = Q(**{SORT_ALIAS: edge.value}) & tie
        if not self.nullable:
            # The first half lets an index find the start.
            return Q(**{f"{SORT_ALIAS}__{step}e": edge.value}) & (ahead | tie)
        return ahead | same if backwards else ahead | same | is_null


@dataclass(frozen=True)
class Slice:
    """One page of rows with the edges of its neighbours (None where there is none)."""

    rows: list[Any]
    previous: Cursor | None
    next: Cursor | None


def page_of(
    queryset: QuerySet[Any], order: Order, size: int, after: Edge | None = None, before: Edge | None = None
) -> Slice:
    """At most `size` rows after (or before) an edge; one query."""
    annotated = order.annotate(queryset)
    backwards = before is not None
    edge = before or after
    if edge is not None:
        annotated = annotated.filter(order.beyond(edge, backwards))
    rows = list(order.sort(annotated, backwards)[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Slice([], None, None)
    has_previous = more if backwards else edge is not None
    has_next = True if backwards else more
    return Slice(rows, order.edge(rows[0]) if has_previous else None, order.edge(rows[-1]) if has_next else None)
