"""The syntax tree: frozen nodes, each with the 1-based character position where it starts."""

from dataclasses import dataclass
from typing import Final, TypeAlias

FUNCTIONS: Final[dict[str, tuple[str, str]]] = {
    "lower": ("TEXT", "TEXT"),
    "upper": ("TEXT", "TEXT"),
    "trim": ("TEXT", "TEXT"),
    "length": ("TEXT", "INTEGER"),
    "abs": ("NUMBER", "NUMBER"),
    "year": ("DATE", "INTEGER"),
    "month": ("DATE", "INTEGER"),
}
"""Function name -> (type of its one argument, type of its result)."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text or a truth value written in the expression."""

    value: int | float | str | bool
    position: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table, by its exact name."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus in front of a number."""

    operand: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right` with op one of + - * /; division by zero is missing."""

    op: str
    left: "Node"
    right: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op right` with op one of == != < <= > >=."""

    op: str
    left: "Node"
    right: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Logical:
    """`left and right` or `left or right`, with unknown as third value."""

    op: str
    left: "Node"
    right: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`; unknown stays unknown."""

    operand: "Node"
    position: int


@dataclass(frozen=True, slots=True)
class Membership:
    """`operand [not] in [options]`; a missing operand stays missing."""

    operand: "Node"
    options: tuple[Literal, ...]
    negated: bool
    position: int


@dataclass(frozen=True, slots=True)
class Between:
    """`operand [not] between low and high`, both ends included."""

    operand: "Node"
    low: "Node"
    high: "Node"
    negated: bool
    position: int


@dataclass(frozen=True, slots=True)
class IsNull:
    """`operand is [not] null`; never unknown itself."""

    operand: "Node"
    negated: bool
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """One of FUNCTIONS applied to one argument."""

    function: str
    argument: "Node"
    position: int


Node: TypeAlias = (
    Literal | Column | Negative | Arithmetic | Comparison | Logical | Not | Membership | Between | IsNull | Call
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below this one, left to right."""
    match node:
        case Literal() | Column():
            return ()
        case Negative(operand=operand) | Not(operand=operand) | IsNull(operand=operand):
            return (operand,)
        case Arithmetic() | Comparison() | Logical():
            return (node.left, node.right)
        case Membership():
            return (node.operand, *node.options)
        case Between():
            return (node.operand, node.low, node.high)
        case Call():
            return (node.argument,)
