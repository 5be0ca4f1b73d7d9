"""Evaluate a checked expression on a pyarrow table; the only interpreter of the expression language."""

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from analysis.contracts.expressions import (
    Arithmetic,
    Between,
    Call,
    Checked,
    Column,
    Comparison,
    IsNull,
    Literal,
    Logical,
    Membership,
    Negative,
    Node,
    Not,
    check,
    parse,
)
from analysis.contracts.expressions.checker import iso_date

Value: TypeAlias = Any
"""A pyarrow Scalar or ChunkedArray; pyarrow ships no types."""

_COMPARE = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_DATE = pa.timestamp("us")


def schema_types(table: pa.Table) -> dict[str, str]:
    """The column types of a table in the words of a dataset's profile; other types are called OTHER."""
    return {field.name: _type_word(field.type) for field in table.schema}


def expression_evaluate(text: str, table: pa.Table) -> tuple[Checked, pa.ChunkedArray]:
    """The value of an expression for every row, with nulls for missing. Raises ExpressionError.

    Booleans come as bool, whole numbers as int64 or float64 with whole values, numbers as float64, texts as
    large_string, dates as timestamp[us].
    """
    checked = check(parse(text), schema_types(table))
    value = _value(checked.node, table)
    if isinstance(value, pa.Scalar):
        value = pa.chunked_array([pa.repeat(value, table.num_rows)])
    if isinstance(value, pa.Array):
        value = pa.chunked_array([value])
    return checked, value


def _type_word(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "INTEGER"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "NUMBER"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "STRING"
    if pa.types.is_date(kind):
        return "DATE"
    return "DATETIME" if pa.types.is_timestamp(kind) else "OTHER"


def _value(node: Node, table: pa.Table) -> Value:
    match node:
        case Literal(value=value):
            return pa.scalar(value, pa.large_string()) if isinstance(value, str) else pa.scalar(value)
        case Column(name=name):
            return _column(table[name])
        case Negative(operand=operand):
            return pc.negate(_number(_value(operand, table)))
        case Arithmetic():
            return _arithmetic(node.op, _value(node.left, table), _value(node.right, table))
        case Comparison():
            return _compare(node.op, node.left, node.right, table)
        case Logical():
            join = pc.and_kleene if node.op == "and" else pc.or_kleene
            return join(_value(node.left, table), _value(node.right, table))
        case Not(operand=operand):
            return pc.invert(_value(operand, table))
        case Membership():
            return _membership(node, table)
        case Between():
            low = _compare(">=", node.operand, node.low, table)
            inside = pc.and_kleene(low, _compare("<=", node.operand, node.high, table))
            return pc.invert(inside) if node.negated else inside
        case IsNull(operand=operand):
            value = _value(operand, table)
            return pc.is_valid(value) if node.negated else pc.is_null(value)
        case Call():
            return _call(node.function, _value(node.argument, table))


def _column(column: pa.ChunkedArray) -> Value:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    word = _type_word(kind)
    if word == "STRING":
        return column.cast(pa.large_string())
    if word == "INTEGER":
        return column.cast(pa.float64() if pa.types.is_uint64(kind) else pa.int64())
    if word == "NUMBER":
        return _number(column)
    if word in ("DATE", "DATETIME"):
        return column.cast(_DATE, safe=False)
    return column


def _number(value: Value) -> Value:
    """As float64, with not-a-number and infinity as missing."""
    value = pc.cast(value, pa.float64())
    return pc.if_else(pc.is_finite(value), value, pa.scalar(None, pa.float64()))


def _arithmetic(op: str, left: Value, right: Value) -> Value:
    left, right = _number(left), _number(right)
    if op == "/":
        return _number(pc.divide(left, right))
    return _number({"+": pc.add, "-": pc.subtract, "*": pc.multiply}[op](left, right))


def _compare(op: str, left: Node, right: Node, table: pa.Table) -> Value:
    a, b = _value(left, table), _value(right, table)
    if pa.types.is_timestamp(a.type) and isinstance(right, Literal):
        b = pa.scalar(iso_date(str(right.value), right.position), _DATE)
    elif pa.types.is_timestamp(b.type) and isinstance(left, Literal):
        a = pa.scalar(iso_date(str(left.value), left.position), _DATE)
    elif pa.types.is_integer(a.type) != pa.types.is_integer(b.type) and not pa.types.is_timestamp(a.type):
        a, b = _number(a), _number(b)
    return _COMPARE[op](a, b)


def _membership(node: Membership, table: pa.Table) -> Value:
    operand = _value(node.operand, table)
    found: Value = pa.scalar(False)
    if pa.types.is_timestamp(operand.type):
        options = pa.array([iso_date(str(one.value), one.position) for one in node.options], _DATE)
        found = pc.is_in(operand, value_set=options)
    elif pa.types.is_large_string(operand.type):
        options = pa.array([str(one.value) for one in node.options], pa.large_string())
        found = pc.is_in(operand, value_set=options)
    elif pa.types.is_boolean(operand.type):
        found = pc.is_in(operand, value_set=pa.array([bool(one.value) for one in node.options]))
    else:
        numbers = pa.array([float(one.value) for one in node.options], pa.float64())
        found = pc.is_in(_number(operand), value_set=numbers)
    if node.negated:
        found = pc.invert(found)
    return pc.if_else(pc.is_valid(operand), found, pa.scalar(None, pa.bool_()))


def _call(function: str, value: Value) -> Value:
    match function:
        case "lower":
            return pc.utf8_lower(value)
        case "upper":
            return pc.utf8_upper(value)
        case "trim":
            return pc.utf8_trim_whitespace(value)
        case "length":
            return pc.cast(pc.utf8_length(value), pa.int64())
        case "abs":
            return pc.abs(_number(value))
        case "year":
            return pc.year(value)
        case _:
            return pc.month(value)
