"""Does an expression fit a table? Types of the result, known columns, sensible comparisons."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from analysis.contracts.expressions.errors import ExpressionError
from analysis.contracts.expressions.nodes import (
    FUNCTIONS,
    Arithmetic,
    Between,
    Call,
    Column,
    Comparison,
    IsNull,
    Literal,
    Logical,
    Membership,
    Negative,
    Node,
    Not,
    children,
)
from analysis.contracts.expressions.parser import parse

COLUMN_TYPES: Final = {
    "INTEGER": "INTEGER",
    "NUMBER": "NUMBER",
    "BOOLEAN": "BOOLEAN",
    "STRING": "TEXT",
    "DATE": "DATE",
    "DATETIME": "DATE",
}
"""Column type of a dataset's profile -> type in an expression."""
_WORDS: Final = {
    "INTEGER": "a number",
    "NUMBER": "a number",
    "BOOLEAN": "true or false",
    "TEXT": "text",
    "DATE": "a date",
}
_NUMERIC: Final = frozenset({"INTEGER", "NUMBER"})


@dataclass(frozen=True, slots=True)
class Checked:
    """An expression that fits its table: the tree, the result's type (TEXT, INTEGER, NUMBER, BOOLEAN, DATE),
    columns.
    """

    node: Node
    type: str
    columns: tuple[str, ...]


def columns(node: Node) -> tuple[str, ...]:
    """Names of the columns that an expression reads, each once, in order of appearance."""
    names: dict[str, None] = {}
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, Column):
            names.setdefault(current.name)
        stack.extend(reversed(children(current)))
    return tuple(names)


def validate(text: str, schema: Mapping[str, str]) -> Checked:
    """Parse and check against `schema` (column name -> INTEGER, NUMBER, BOOLEAN, STRING, DATE or DATETIME).

    Raises ExpressionError when the text cannot be read, a column is unknown or types do not fit.
    """
    return check(parse(text), schema)


def check(node: Node, schema: Mapping[str, str]) -> Checked:
    """The same for a tree that is parsed already."""
    return Checked(node, _type(node, schema), columns(node))


def _type(node: Node, schema: Mapping[str, str]) -> str:
    match node:
        case Literal(value=value):
            return _literal_type(value)
        case Column():
            return _column_type(node, schema)
        case Negative(operand=operand):
            return _need_number(operand, schema, "Minus")
        case Arithmetic():
            left = _need_number(node.left, schema, node.op)
            right = _need_number(node.right, schema, node.op)
            return "INTEGER" if node.op != "/" and left == right == "INTEGER" else "NUMBER"
        case Comparison():
            _comparable(node.left, node.right, schema, node.op)
        case Logical():
            _need_boolean(node.left, schema, node.op)
            _need_boolean(node.right, schema, node.op)
        case Not(operand=operand):
            _need_boolean(operand, schema, "not")
        case Membership():
            for option in node.options:
                _comparable(node.operand, option, schema, "==")
        case Between():
            _comparable(node.operand, node.low, schema, ">=")
            _comparable(node.operand, node.high, schema, "<=")
        case IsNull(operand=operand):
            _type(operand, schema)
        case Call():
            return _call_type(node, schema)
    return "BOOLEAN"


def _literal_type(value: int | float | str | bool) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "INTEGER"
    return "NUMBER" if isinstance(value, float) else "TEXT"


def _column_type(node: Column, schema: Mapping[str, str]) -> str:
    if node.name not in schema:
        close = difflib.get_close_matches(node.name, list(schema), n=3, cutoff=0.6)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ExpressionError(f"There is no column {node.name}{hint}", node.position)
    found = COLUMN_TYPES.get(schema[node.name])
    if found is None:
        message = f"Column {node.name} has the type {schema[node.name]}, which expressions do not know"
        raise ExpressionError(message, node.position)
    return found


def _call_type(node: Call, schema: Mapping[str, str]) -> str:
    wanted, result = FUNCTIONS[node.function]
    found = _type(node.argument, schema)
    if found != wanted and not (wanted == "NUMBER" and found in _NUMERIC):
        message = f"{node.function} needs {_WORDS[wanted]}, not {_WORDS[found]}"
        raise ExpressionError(message, node.argument.position)
    return found if node.function == "abs" else result


def _need_number(node: Node, schema: Mapping[str, str], op: str) -> str:
    found = _type(node, schema)
    if found not in _NUMERIC:
        raise ExpressionError(f"{op} needs numbers, not {_WORDS[found]}", node.position)
    return found


def _need_boolean(node: Node, schema: Mapping[str, str], op: str) -> None:
    found = _type(node, schema)
    if found != "BOOLEAN":
        message = f"{op} joins conditions; this part is {_WORDS[found]}, compare it with something"
        raise ExpressionError(message, node.position)


def _comparable(left: Node, right: Node, schema: Mapping[str, str], op: str) -> None:
    a, b = _type(left, schema), _type(right, schema)
    if {a, b} <= _NUMERIC:
        return
    if {a, b} == {"DATE", "TEXT"}:
        written = right if a == "DATE" else left
        if not isinstance(written, Literal):
            raise ExpressionError(
                "A date is compared with a date or with a text such as '2024-05-01'", written.position
            )
        iso_date(str(written.value), written.position)
        return
    if a != b:
        raise ExpressionError(f"{_WORDS[a]} is compared with {_WORDS[b]}", right.position)
    if a == "BOOLEAN" and op not in ("==", "!="):
        raise ExpressionError(f"{op} does not work on true or false", right.position)


def iso_date(text: str, position: int) -> datetime:
    """The moment meant by a text such as 2024-05-01 or 2024-05-01T12:30. Raises ExpressionError otherwise."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ExpressionError(f"{text!r} is not a date such as 2024-05-01", position) from None
    if parsed.tzinfo is not None:
        raise ExpressionError("A date is written without a time zone", position)
    return parsed
