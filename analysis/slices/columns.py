"""What weak slices are searched over: columns as small codes, each level with the expression that chooses its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.columns import expression_evaluate, schema_types
from analysis.contracts.segments import MISSING

MAX_SLICE_LEVELS: Final = 30
"""Levels of one column that are searched; the most frequent ones. What is rarer is no slice by itself."""
BANDS: Final = 8
"""Bands into which a number is cut, with about as many rows each."""
MAX_CONDITION: Final = 600
"""Characters of one condition, so that three together make an expression of allowed length."""
NOT_SEARCHED: Final = 0
"""Code of the rows of a column that belong to no level of its own."""

_DAY: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a column: its name for people, and the condition that holds for exactly its rows."""

    label: str
    expression: str


@dataclass(frozen=True, slots=True)
class SliceColumn:
    """A column to search over: `codes` (uint8, [rows]) is 0 for rows of no level, else 1 + the index into `levels`."""

    name: str
    codes: npt.NDArray[np.uint8]
    levels: tuple[Level, ...]
    protected: bool = False

    def __post_init__(self) -> None:
        if len(self.levels) > np.iinfo(np.uint8).max:
            raise ValueError(f"{self.name} has more levels than a code can hold")
        if self.codes.size and int(self.codes.max()) > len(self.levels):
            raise ValueError(f"{self.name} has a code without a level")


def slice_columns(
    table: pa.Table, names: Sequence[str] | None = None, *, protected: Sequence[str] = (), bands: int = BANDS
) -> list[SliceColumn]:
    """The columns of a table that can be searched, with numbers and dates cut at their quantiles.

    Left out: columns of other types, and those where every row is in one level. Raises ExpressionError for a name that
    is no column.
    """
    types = schema_types(table)
    found = []
    for name in names if names is not None else table.column_names:
        if names is None and types[name] == "OTHER":
            continue
        if types.get(name) == "STRING" and pa.types.is_dictionary(table[name].type):
            column = _values(name, "TEXT", table[name])
        else:
            checked, values = expression_evaluate(quoted(name), table)
            column = _column(name, checked.type, values, bands)
        if len(column.levels) > 1 or (column.levels and (column.codes == NOT_SEARCHED).any()):
            found.append(SliceColumn(name, column.codes, column.levels, name in protected))
    return found


def quoted(name: str) -> str:
    """A column's name as expressions write it."""
    return f"`{name.replace('`', '``')}`"


def _column(name: str, kind: str, values: pa.ChunkedArray, bands: int) -> SliceColumn:
    if kind == "DATE":
        return _dates(name, values, bands)
    if kind == "NUMBER" or (kind == "INTEGER" and pc.count_distinct(values).as_py() > bands):
        return _numbers(name, kind, values, bands)
    return _values(name, kind, values)


def _finished(name: str, codes: npt.NDArray[np.integer], levels: list[Level], values: pa.ChunkedArray) -> SliceColumn:
    missing = np.asarray(pc.is_null(values).to_numpy(), np.bool_)
    if missing.any():
        levels = [*levels, Level(MISSING, f"{quoted(name)} is null")]
        codes = np.where(missing, len(levels), codes)
    return SliceColumn(name, codes.astype(np.uint8), tuple(levels))


def _values(name: str, kind: str, values: pa.ChunkedArray) -> SliceColumn:
    """A text, a truth value or a number with few values: one level each. What is encoded already is taken as it is."""
    texts, indices = _encoded(values)
    counts = np.bincount(indices, minlength=len(texts) + 1)[: len(texts)]
    place = np.zeros(len(texts) + 1, np.int64)
    levels: list[Level] = []
    for index in sorted(range(len(texts)), key=lambda index: (-counts[index], texts[index])):
        value = int(texts[index]) if kind == "INTEGER" else texts[index]
        condition = f"{quoted(name)} == {_literal(value)}"
        if len(levels) < MAX_SLICE_LEVELS and len(condition) <= MAX_CONDITION and "\x00" not in condition:
            levels.append(Level(str(value) or "(empty)", condition))
            place[index] = len(levels)
    return _finished(name, place[indices], levels, values)


def _encoded(values: pa.ChunkedArray) -> tuple[list[Any], npt.NDArray[np.integer]]:
    """The different values and the index of each row's; the index after the last is that of a missing value."""
    if len(values) == 0:
        return [], np.zeros(0, np.int64)
    encoded: Any = pc.dictionary_encode(values).unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    texts = encoded.dictionary.to_pylist()
    if len(set(texts)) != len(texts) or None in texts:
        return _encoded(values.cast(pa.large_string()))
    return texts, pc.fill_null(encoded.indices.cast(pa.int32()), len(texts)).to_numpy()


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _numbers(name: str, kind: str, values: pa.ChunkedArray, bands: int) -> SliceColumn:
    known = pc.drop_null(values).to_numpy().astype(np.float64)
    edges = _edges(known, bands)
    if kind == "INTEGER":
        edges = np.unique(np.ceil(edges))
    numbers = pc.fill_null(pc.cast(values, pa.float64()), 0.0).to_numpy()
    texts = [repr(int(edge)) if edge.is_integer() and abs(edge) < 1e15 else repr(edge) for edge in edges.tolist()]
    return _banded(name, numbers, edges, (texts, [f"{edge:g}" for edge in edges]), values)


def _edges(known: npt.NDArray[np.float64], bands: int) -> npt.NDArray[np.float64]:
    """Quantiles, written with four figures where that keeps them apart; none at or below the smallest value."""
    if known.size == 0:
        return np.zeros(0)
    exact = np.unique(np.quantile(known, np.arange(1, bands) / bands, method="higher"))
    short = np.unique(np.asarray([float(f"{edge:.4g}") for edge in exact.tolist()]))
    edges: npt.NDArray[np.float64] = short if short.size == exact.size else exact
    inside: npt.NDArray[np.bool_] = (edges > known.min()) & (edges <= known.max())
    return edges.compress(inside)


def _dates(name: str, values: pa.ChunkedArray, bands: int) -> SliceColumn:
    moments = pc.fill_null(pc.cast(values, pa.int64()), 0).to_numpy()
    known = moments[~np.asarray(pc.is_null(values).to_numpy(), np.bool_)]
    days = np.unique(np.quantile(known // _DAY, np.arange(1, bands) / bands, method="higher")) if known.size else known
    days = days[days * _DAY > known.min()] if known.size else days
    texts = [datetime.fromtimestamp(int(day) * 86_400, UTC).date().isoformat() for day in days]
    return _banded(name, moments, days * _DAY, ([f"'{text}'" for text in texts], texts), values)


def _banded(
    name: str,
    numbers: npt.NDArray[np.generic],
    edges: npt.NDArray[np.generic],
    texts: tuple[list[str], list[str]],
    values: pa.ChunkedArray,
) -> SliceColumn:
    """Bands between edges; `texts` are the edges as expressions and as people read them."""
    column, (written, read) = quoted(name), texts
    if not written:
        return _finished(name, np.zeros(numbers.size, np.int64), [], values)
    levels = [Level(f"under {read[0]}", f"{column} < {written[0]}")]
    for (low, low_read), (high, high_read) in pairwise(zip(written, read, strict=True)):
        levels.append(Level(f"{low_read} to under {high_read}", f"{column} >= {low} and {column} < {high}"))
    levels.append(Level(f"{read[-1]} and over", f"{column} >= {written[-1]}"))
    return _finished(name, np.searchsorted(edges, numbers, side="right") + 1, levels, values)
