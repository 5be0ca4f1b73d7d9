"""What a filter says, once it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class ValueType(StrEnum):
    """What a field is compared with."""

    NUMBER = "a number"
    TEXT = "a quoted text"
    EITHER = "a number or a quoted text"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Field:
    """A column by the names of a `Vocabulary`: ("metrics", "loss") or ("attributes", "start_time")."""

    kind: str
    key: str
    type: ValueType


# A text, a number, the texts of a list, or nothing for IS NULL.
Value = str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison."""

    field: Field
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple[Node, ...]


Node = Clause | All | Any


def clauses_of(node: Node | None) -> Iterator[Clause]:
    """Every comparison of a filter."""
    if isinstance(node, Clause):
        yield node
    elif node is not None:
        for part in node.parts:
            yield from clauses_of(part)


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by a field, ascending unless `descending`."""

    field: Field
    descending: bool
