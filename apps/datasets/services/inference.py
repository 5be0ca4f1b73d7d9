"""First guesses about columns: which is the target, what divides the rows, what names them. People may change all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.contracts.expressions import ExpressionError, columns, parse
from analysis.contracts.segments import SegmentSpec, SplitSpec
from apps.datasets.contracts import ColumnRole, ColumnType

_ID_NAME = re.compile(r"(^|[_\s.-])(id|ids|uuid|guid|key|nr|no|number|ref|reference)$", re.IGNORECASE)
_DATES = (ColumnType.DATE, ColumnType.DATETIME)
DEFAULT_FRACTIONS = (0.6, 0.1, 0.3)
MANY_LEVELS = 200


def segment_columns(specs: Sequence[SegmentSpec]) -> tuple[frozenset[str], frozenset[str]]:
    """Columns that segments read: (those of protected segments, those of any segment)."""
    protected: set[str] = set()
    every: set[str] = set()
    for spec in specs:
        try:
            names = columns(parse(spec.expression))
        except ExpressionError:
            continue
        every.update(names)
        if spec.protected:
            protected.update(names)
    return frozenset(protected), frozenset(every)


def roles_infer(
    found: Sequence[Mapping[str, Any]], *, row_count: int, target: str, specs: Sequence[SegmentSpec]
) -> list[dict[str, Any]]:
    """[{"name", "type", "role"}] for the columns of a profile.

    The problem's target is the target. What a protected segment reads divides the rows and stays out of training
    until somebody decides otherwise. One unique column with a name like an id is the id; the first date is the time.
    Constant columns, further dates and texts with nearly as many values as rows are ignored.
    """
    protected, _ = segment_columns(specs)
    target_name = _target(found, target)
    schema: list[dict[str, Any]] = []
    taken: set[str] = set()
    for column in found:
        name, kind = column["name"], column["type"]
        role = ColumnRole.FEATURE
        if name == target_name:
            role = ColumnRole.TARGET
        elif name in protected:
            role = ColumnRole.SEGMENT
        elif kind in _DATES:
            role = ColumnRole.IGNORED if ColumnRole.TIME in taken else ColumnRole.TIME
        elif ColumnRole.ID not in taken and _is_id(column, row_count):
            role = ColumnRole.ID
        elif _is_useless(column, row_count):
            role = ColumnRole.IGNORED
        taken.add(role)
        schema.append({"name": name, "type": kind, "role": role.value})
    return schema


def _target(found: Sequence[Mapping[str, Any]], target: str) -> str | None:
    names = [str(c["name"]) for c in found]
    if not target:
        return None
    if target in names:
        return target
    close = [name for name in names if name.lower() == target.lower()]
    return close[0] if len(close) == 1 else None


def _is_id(column: Mapping[str, Any], row_count: int) -> bool:
    if column["type"] not in (ColumnType.INTEGER, ColumnType.STRING) or column.get("missing"):
        return False
    unique = bool(column.get("distinct_exact")) and column.get("distinct") == row_count and row_count > 1
    return unique and bool(_ID_NAME.search(str(column["name"])))


def _is_useless(column: Mapping[str, Any], row_count: int) -> bool:
    distinct = column.get("distinct") or 0
    if distinct <= 1:
        return True
    return column["type"] == ColumnType.STRING and distinct > max(MANY_LEVELS, row_count // 2)


def split_default(schema: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """60 % training, 10 % validation, 30 % test, by the id column or the row's number, seed 0."""
    by = next((str(c["name"]) for c in schema if c["role"] == ColumnRole.ID), None)
    return SplitSpec(0, DEFAULT_FRACTIONS, by).to_json()
