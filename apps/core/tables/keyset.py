"""Paging by key: order by (value, id) with NULLs last, continue after or before a row, never by offset.

The cursor carries the sort value and the id of the edge row; a cursor that cannot be read means the first page.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import BaseExpression, Combinable

SORT_ALIAS = "table_sort"


def value_pack(value: Any) -> list[Any]:
    if value is None:
        return ["x"]
    if isinstance(value, bool):
        return ["b", value]
    if isinstance(value, int | float | str):
        return [type(value).__name__[0], value]
    if isinstance(value, datetime):
        return ["t", value.isoformat()]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    if isinstance(value, timedelta):
        return ["l", value.total_seconds()]
    if isinstance(value, Decimal):
        return ["n", str(value)]
    if isinstance(value, uuid.UUID):
        return ["u", value.hex]
    return ["s", str(value)]


def value_unpack(packed: list[Any]) -> Any:
    if packed[0] == "x":
        return None
    read: dict[str, Callable[[Any], Any]] = {
        "b": bool,
        "i": int,
        "f": float,
        "s": str,
        "t": datetime.fromisoformat,
        "d": date.fromisoformat,
        "l": lambda seconds: timedelta(seconds=seconds),
        "n": Decimal,
        "u": uuid.UUID,
    }
    return read[packed[0]](packed[1])


@dataclass(frozen=True)
class Edge:
    """The row that a page continues from."""

    value: Any
    pk: Any

    def encode(self) -> str:
        text = json.dumps([value_pack(self.value), value_pack(self.pk)], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Edge | None:
        try:
            value, pk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(value_unpack(value), value_unpack(pk))
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, binascii.Error, OverflowError):
            return None


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
    previous: Edge | None
    next: Edge | None


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
