"""Changing the rows of a table as a behaviour test says, with every column keeping its type."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.contracts.behaviour import BehaviourError, Change, change_text


@dataclass(frozen=True, slots=True)
class Changed:
    """A changed table and which of its rows differ from before; `text` says what was done, for people."""

    table: pa.Table
    differs: npt.NDArray[np.bool_]
    text: str


def rows_change(table: pa.Table, changes: Sequence[Change]) -> list[Changed]:
    """The table after all changes, once for each value that a change tries.

    Raises BehaviourError for a column that is not there or that does not take such a value.
    """
    tries = max((len(one.value) for one in changes if one.operation == "to"), default=1)
    found = []
    for number in range(tries):
        after, texts = table, []
        differs = np.zeros(table.num_rows, np.bool_)
        for place, change in enumerate(changes):
            if change.column not in table.column_names:
                raise BehaviourError(f"There is no column {change.column}", f"change.{place}.column")
            before = table[change.column]
            value = change.value
            if change.operation == "to":
                value = value[number] if len(value) > 1 else value[0]
                change = replace(change, value=(value,))
            column = _apply(_plain(before), change, value, place)
            differs |= _differs(_plain(before), column)
            if pa.types.is_dictionary(before.type):
                column = column.dictionary_encode()
            at = table.column_names.index(change.column)
            after = after.set_column(at, pa.field(change.column, column.type), column)
            texts.append(change_text(change))
        found.append(Changed(after, differs, ", ".join(texts)))
    return found


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _apply(column: pa.ChunkedArray, change: Change, value: Any, place: int) -> pa.ChunkedArray:
    kind = column.type
    field = f"change.{place}.{change.operation}"
    if change.operation == "to":
        return pa.chunked_array([pa.repeat(_scalar(value, kind, change.column, field), len(column))], kind)
    if change.operation == "swap":
        return _swap(column, value, change.column, field)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise BehaviourError(f"{change.column} is no number", field)
    numbers = column.cast(pa.float64())
    moved = pc.add(numbers, float(value)) if change.operation == "add" else pc.multiply(numbers, float(value))
    try:
        return (pc.round(moved) if pa.types.is_integer(kind) else moved).cast(kind)
    except pa.ArrowInvalid:
        raise BehaviourError(f"{change.column} cannot hold a number so large or small", field) from None


def _scalar(value: Any, kind: pa.DataType, column: str, field: str) -> Any:
    """A value as the column holds it; a date or moment is written as text."""
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if value is not None and text != isinstance(value, str) and not pa.types.is_temporal(kind):
        raise BehaviourError(f"{column} does not take the value {value!r}", field)
    if isinstance(value, bool) != pa.types.is_boolean(kind) and value is not None:
        raise BehaviourError(f"{column} does not take the value {value!r}", field)
    try:
        return pa.scalar(value).cast(kind) if value is not None else pa.scalar(None, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError):
        raise BehaviourError(f"{column} does not take the value {value!r}", field) from None


def _swap(column: pa.ChunkedArray, mapping: dict[str, str], name: str, field: str) -> pa.ChunkedArray:
    kind = column.type
    texts = column.cast(pa.large_string()) if not pa.types.is_large_string(kind) else column
    old, new = list(mapping), list(mapping.values())
    found = pc.index_in(texts, value_set=pa.array(old, pa.large_string()))
    swapped = pc.take(pa.array(new, pa.large_string()), found)
    try:
        return pc.coalesce(swapped, texts).cast(kind)
    except pa.ArrowInvalid:
        raise BehaviourError(f"{name} does not take one of the values that it is swapped for", field) from None


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where the two differ; missing is a value of its own."""
    unequal = pc.fill_null(pc.not_equal(before, after), False)
    one_missing = pc.xor(pc.is_null(before), pc.is_null(after))
    return np.asarray(pc.or_(unequal, one_missing).to_numpy(), np.bool_)
