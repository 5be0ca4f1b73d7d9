"""Rows in every group of each segment, and of each crossing of two, counted block by block."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.contracts.expressions import ExpressionError, columns, parse
from analysis.contracts.segments import SegmentError, SegmentSpec
from analysis.segments import SegmentCodes, segment_evaluate
from analysis.split import ROW

BATCH_ROWS = 131_072
MAX_PAIRS = 120
MAX_CELLS = 600
"""A crossing with more cells is left out: nearly all of them would be too small."""

Codes = npt.NDArray[np.int64]
Counts = dict[Any, Counter[str]]


def support_count(
    path: Path, segments: Sequence[Mapping[str, Any]], target: str | None = None, positive: str | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """([{"id", "groups": [{"label", "n", ...}], "error"}], [{"ids", "groups": [{"labels", "n", ...}]}]).

    With a target column and its positive value each group also has "positives" and "negatives". A segment that does
    not fit the table carries its error and is in no crossing.
    """
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    counted = target if positive is not None and target in names else None
    specs: list[SegmentSpec | None] = []
    errors: list[str | None] = []
    needed: set[str] = {counted} if counted else set()
    for data in segments:
        try:
            spec = SegmentSpec.from_json(data)
            needed.update(name for name in columns(parse(spec.expression)) if name in names)
            specs.append(spec)
            errors.append(None)
        except (SegmentError, ExpressionError) as error:
            specs.append(None)
            errors.append(error.message)
    single: Counts = {}
    double: Counts = {}
    for batch in file.iter_batches(BATCH_ROWS, columns=sorted(needed) or [ROW], use_threads=False):
        table = pa.Table.from_batches([batch])
        truth = _truth(table, counted, positive)
        found: dict[int, SegmentCodes] = {}
        for index, wanted in enumerate(specs):
            if wanted is None or errors[index]:
                continue
            try:
                found[index] = segment_evaluate(wanted, table)
            except (SegmentError, ExpressionError) as error:
                errors[index] = error.message
        for index, one in found.items():
            for label, numbers in zip(one.labels, _numbers(one.codes, len(one.labels), truth), strict=True):
                _add(single, (index, label), numbers)
        for (i, a), (j, b) in list(combinations(found.items(), 2))[:MAX_PAIRS]:
            cells = len(a.labels) * len(b.labels)
            if not 0 < cells <= MAX_CELLS:
                continue
            crossed = _numbers(a.codes.astype(np.int64) * len(b.labels) + b.codes, cells, truth)
            for cell, numbers in enumerate(crossed):
                labels = (a.labels[cell // len(b.labels)], b.labels[cell % len(b.labels)])
                _add(double, (i, j, labels), numbers)
    rows = [
        {
            "id": data.get("id"),
            "groups": []
            if errors[index]
            else [{"label": key[1], **_told(n, counted)} for key, n in single.items() if key[0] == index],
            "error": errors[index],
        }
        for index, data in enumerate(segments)
    ]
    pairs = sorted({key[:2] for key in double if not errors[key[0]] and not errors[key[1]]})
    crossings = [
        {
            "ids": [segments[i].get("id"), segments[j].get("id")],
            "groups": [{"labels": list(key[2]), **_told(n, counted)} for key, n in double.items() if key[:2] == (i, j)],
        }
        for i, j in pairs
    ]
    return rows, crossings


def _truth(table: pa.Table, target: str | None, positive: str | None) -> tuple[Codes, Codes] | None:
    """(1 where the row is positive, 1 where it is negative); a row without a value is neither."""
    if target is None:
        return None
    texts = pc.cast(table[target], pa.large_string())
    known = np.asarray(pc.is_valid(texts).to_numpy(), dtype=np.int64)
    yes = np.asarray(pc.fill_null(pc.equal(texts, positive), False).to_numpy(), dtype=np.int64)
    return yes, known - yes


def _numbers(codes: Any, size: int, truth: tuple[Codes, Codes] | None) -> list[tuple[int, ...]]:
    counts = [np.bincount(codes, minlength=size)]
    if truth is not None:
        counts += [np.bincount(codes, weights=part, minlength=size) for part in truth]
    return [tuple(int(column[index]) for column in counts) for index in range(size)]


def _add(counts: Counts, key: Any, numbers: tuple[int, ...]) -> None:
    counter = counts.setdefault(key, Counter())
    for name, number in zip(("n", "positives", "negatives"), numbers, strict=False):
        counter[name] += number


def _told(counter: Counter[str], target: str | None) -> dict[str, int]:
    names = ("n", "positives", "negatives") if target else ("n",)
    return {name: counter[name] for name in names}
