"""Segments on a table: each spec becomes one small whole number per row and the labels behind the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.columns import expression_evaluate, schema_types
from analysis.contracts.expressions import Column
from analysis.contracts.segments import (
    MAX_LEVELS,
    MISSING,
    Bands,
    QuantileBands,
    SegmentError,
    SegmentSpec,
    segment_check,
)

Key: TypeAlias = str | int | None


@dataclass(frozen=True, slots=True)
class SegmentCodes:
    """One evaluated segment: `codes[i]` (uint8, 0 <= code < len(labels) <= 201) is the group of row i.

    Every band and both sides of a condition are there even when no row is in them; the group of rows without
    a value is last, and there only when it has rows. When the segment does not fit, `error` says why and
    there are no labels. `keys` are what the labels are sorted by, None for the group without a value.
    """

    spec: SegmentSpec
    codes: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    error: str | None = None
    keys: tuple[Key, ...] = ()

    def counts(self) -> npt.NDArray[np.int64]:
        """Rows per group."""
        return np.bincount(self.codes, minlength=len(self.labels)) if self.labels else np.zeros(0, np.int64)


def segment_evaluate(spec: SegmentSpec, table: pa.Table) -> SegmentCodes:
    """Divide the rows of a table by one segment. Raises SegmentError when it does not fit the table."""
    checked = segment_check(spec, schema_types(table))
    if spec.bands is None and checked.type == "TEXT" and isinstance(checked.node, Column):
        column = table[checked.node.name]
        if pa.types.is_dictionary(column.type):
            return _levels(spec, column, checked.type)
    _, values = expression_evaluate(spec.expression, table)
    if spec.bands is not None:
        return _banded(spec, values)
    if checked.type == "BOOLEAN":
        return _condition(spec, values)
    return _levels(spec, values, checked.type)


def segments_evaluate(specs: Sequence[SegmentSpec], table: pa.Table) -> list[SegmentCodes]:
    """The same for several segments; one that does not fit carries its error instead of stopping all."""
    found = []
    for spec in specs:
        try:
            found.append(segment_evaluate(spec, table))
        except SegmentError as error:
            found.append(SegmentCodes(spec, np.zeros(table.num_rows, np.uint8), (), error.message))
    return found


def _with_missing(
    spec: SegmentSpec,
    codes: npt.NDArray[np.uint8],
    missing: npt.NDArray[np.bool_],
    labels: tuple[str, ...],
    keys: tuple[Key, ...] | None = None,
) -> SegmentCodes:
    keys = tuple(range(len(labels))) if keys is None else keys
    if not missing.any():
        return SegmentCodes(spec, codes, labels, keys=keys)
    codes = np.where(missing, np.uint8(len(labels)), codes)
    return SegmentCodes(spec, codes, (*labels, missing_label(labels)), keys=(*keys, None))


def missing_label(labels: Sequence[str]) -> str:
    """What the group without a value is called beside these labels."""
    return MISSING if MISSING not in labels else f"{MISSING} (no value)"


def _missing(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_null(values).to_numpy(), dtype=np.bool_)


def _banded(spec: SegmentSpec, values: pa.ChunkedArray) -> SegmentCodes:
    missing = _missing(values)
    numbers = pc.fill_null(pc.cast(values, pa.float64()), 0.0).to_numpy()
    bands = spec.bands
    if isinstance(bands, QuantileBands):
        bands = quantile_bands(numbers[~missing], bands)
    if bands is None:
        raise SegmentError("There are no bands", "bands")
    codes = np.searchsorted(np.asarray(bands.edges), numbers, side="right").astype(np.uint8)
    return _with_missing(spec, codes, missing, bands.labels)


def quantile_bands(numbers: npt.NDArray[np.float64], wanted: QuantileBands) -> Bands:
    """The bands of as many rows each: edges are values of rows, fewer where values repeat.

    Raises SegmentError when all values are the same, or there are none.
    """
    if not numbers.size:
        raise SegmentError("No row has a value to cut into bands", "bands")
    shares = np.arange(1, wanted.count) / wanted.count
    edges = np.unique(np.quantile(numbers, shares, method="higher"))
    edges = edges[edges > numbers.min()]
    if not edges.size:
        raise SegmentError("Every row has the same value, so there is nothing to cut", "bands")
    # Labels tell the edges apart, with as many digits as that takes.
    for digits in range(3, 18):
        texts = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(texts)) == len(texts):
            break
    inner = tuple(f"{low} to under {high}" for low, high in pairwise(texts))
    return Bands(tuple(edges.tolist()), (f"under {texts[0]}", *inner, f"{texts[-1]} and over"))


def _condition(spec: SegmentSpec, values: pa.ChunkedArray) -> SegmentCodes:
    true = pc.fill_null(values, False).to_numpy()
    codes = np.where(true, 0, 1).astype(np.uint8)
    return _with_missing(spec, codes, _missing(values), (spec.name, f"not {spec.name}"))


def _levels(spec: SegmentSpec, values: pa.ChunkedArray, kind: str) -> SegmentCodes:
    encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
    encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    names = encoded.dictionary.to_pylist()
    missing = encoded.indices.is_null().to_numpy(zero_copy_only=False)
    # A dictionary may hold levels that no row has, a missing value, and the same level twice.
    used = {names[index] for index in pc.unique(encoded.indices).to_pylist() if index is not None}
    levels = sorted(used - {None})
    if len(levels) > MAX_LEVELS:
        hint = "; cut it into bands" if kind == "INTEGER" else ""
        raise SegmentError(f"{len(levels)} different values are too many, {MAX_LEVELS} at most{hint}")
    place = {level: index for index, level in enumerate(levels)}
    rank = np.asarray([place.get(name, 0) for name in names] or [0], np.uint8)
    indices = pc.fill_null(encoded.indices, 0).to_numpy()
    if None in names:
        missing = missing | np.asarray([name is None for name in names])[indices]
    keys = cast(tuple[Key, ...], tuple(int(one) if kind == "INTEGER" else one for one in levels))
    return _with_missing(spec, rank[indices], missing, tuple(_label(level, kind) for level in levels), keys)


def _label(level: object, kind: str) -> str:
    if kind == "INTEGER" and isinstance(level, int | float):
        return str(int(level))
    return str(level) or "(empty)"
