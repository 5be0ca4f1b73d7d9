"""A filter's comparisons as conditions of the database; every value is bound, never part of the statement."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Func, Lookup, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Replace
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    LessThanOrEqual,
)

from apps.core.filter_language import All, Clause, Node, Operator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST, _LAST = ((end.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND for end in (datetime.min, datetime.max))


class Like(Lookup):  # type: ignore[type-arg]
    """SQL's own pattern: % for any signs, _ for one, and a backslash is a backslash."""

    lookup_name = "filter_like"
    verb = "LIKE"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} {self.verb} {right} ESCAPE ''", [*left_values, *right_values]


class ILike(Like):
    """The same, whatever the capitals."""

    lookup_name = "filter_ilike"
    verb = "ILIKE"


_LOOKUPS: dict[Operator, type[Lookup[Any]]] = {
    Operator.EQUAL: Exact,
    Operator.LESS: LessThan,
    Operator.LESS_EQUAL: LessThanOrEqual,
    Operator.GREATER: GreaterThan,
    Operator.GREATER_EQUAL: GreaterThanOrEqual,
    Operator.LIKE: Like,
    Operator.ILIKE: ILike,
}


def condition_of(node: Node, clause_condition: Callable[[Clause], Q]) -> Q:
    """The condition of a whole filter, with `clause_condition` for each comparison."""
    if isinstance(node, Clause):
        return clause_condition(node)
    parts = [condition_of(part, clause_condition) for part in node.parts]
    return reduce(and_ if isinstance(node, All) else or_, parts)


def compare(value: Combinable, clause: Clause) -> Q:
    """`value` against what the clause says; a missing value fits IS NULL alone."""
    if clause.operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        return Q(IsNull(value, clause.operator is Operator.IS_NULL))
    if clause.operator in (Operator.IN, Operator.NOT_IN):
        listed = Q(In(value, list(clause.value)))  # type: ignore[arg-type]
        return listed if clause.operator is Operator.IN else ~listed
    if clause.operator is Operator.UNEQUAL:
        return ~Q(Exact(value, clause.value))
    return Q(_LOOKUPS[clause.operator](value, clause.value))


def compare_number(value: Combinable, clause: Clause) -> Q:
    """As `compare` for a column of doubles, where NaN is unequal to all and neither above nor below anything."""
    if clause.operator in (Operator.GREATER, Operator.GREATER_EQUAL):
        # The database sorts NaN above every number.
        return compare(value, clause) & Q(LessThan(value, math.nan))
    return compare(value, clause)


def compare_moment(value: Combinable, clause: Clause) -> Q:
    """A time column against milliseconds since 1970; the column's own finer part is cut off, as clients see it."""
    if clause.value is None:
        return compare(value, clause)
    number = float(clause.value) if isinstance(clause.value, float) else int(clause.value)  # type: ignore[arg-type]
    low, high = math.ceil(number), math.floor(number) + 1
    same = Q(GreaterThanOrEqual(value, _moment(low))) & Q(LessThan(value, _moment(high)))
    match clause.operator:
        case Operator.LESS:
            return Q(LessThan(value, _moment(low)))
        case Operator.LESS_EQUAL:
            return Q(LessThan(value, _moment(high)))
        case Operator.GREATER:
            return Q(GreaterThanOrEqual(value, _moment(high)))
        case Operator.GREATER_EQUAL:
            return Q(GreaterThanOrEqual(value, _moment(low)))
        case Operator.UNEQUAL:
            return ~same
    return same


def _moment(milliseconds: int) -> datetime:
    """The nearest moment that a calendar knows."""
    return _EPOCH + max(_FIRST, min(_LAST, milliseconds)) * _MILLISECOND


def entry(column: str, key: str) -> Cast:
    """The text under a key of a JSON object; nothing where the key is missing."""
    return Cast(KeyTextTransform(key, column), TextField())


def hex_of(column: str) -> Func:
    """A UUID as clients write it: 32 digits."""
    return Replace(Cast(column, TextField()), Value("-"), Value(""), output_field=TextField())
