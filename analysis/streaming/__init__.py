"""Evaluation of files larger than memory, and of parts of one on several machines: read once, part by part, merged.

Two kinds of part, with one life: made of record batches, merged in any order, finished to a report.
`RowsPart` keeps the rows in their narrowest form (8 bytes a score, 1 byte a segment), so that every number is exact;
`CountsPart` keeps counts and sums alone, whose size does not depend on the rows. Of the latter everything is exact but
the two areas, which come from FINE score bins and carry their bound (see `segment_metrics.binned`), and the paired
differences of these areas, which come from both intervals instead of the rows.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from pathlib import Path
from typing import Final, TypeAlias

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.contracts.report import Report
from analysis.contracts.segments import QuantileBands
from analysis.evaluate import processors
from analysis.inputs import EvaluateSpec
from analysis.statistics import Arrays
from analysis.streaming.counts import CountsPart
from analysis.streaming.rows import RowsPart
from analysis.streaming.scan import Scan, bands_fix, batches_read

__all__ = [
    "CountsPart",
    "Part",
    "RowsPart",
    "Scan",
    "bands_fix",
    "batches_read",
    "evaluate_files",
    "part_of",
    "parts_merge",
    "rows_fit",
]

MERGED: Final = 8
"""Parts that wait before they are merged."""

Part: TypeAlias = RowsPart | CountsPart


def part_of(
    batches: Iterable[pa.Table],
    scan: Scan,
    spec: EvaluateSpec,
    *,
    exact: bool,
    first: int = 0,
    threads: int | None = None,
) -> Part:
    """The part of some record batches, read once; `first` is the number of their first row.

    As many batches as there are threads are in memory at a time. Raises ValueError without a row, and for columns with
    missing values.
    """
    if any(isinstance(segment.bands, QuantileBands) for segment in spec.segments):
        raise ValueError("Bands of equal size need edges before rows are read in parts: fix them by bands_fix")
    kind: type[RowsPart] | type[CountsPart] = RowsPart if exact else CountsPart
    workers = threads or processors()
    found: list[Part] = []
    open_parts: deque[Future[Part]] = deque()

    def take() -> None:
        found.append(open_parts.popleft().result())
        if len(found) > MERGED:
            found[:] = [parts_merge(found)]

    with ThreadPoolExecutor(workers) as pool:
        at = first
        for table in batches:
            if table.num_rows:
                open_parts.append(pool.submit(kind.of, table, scan, spec, at))
                at += table.num_rows
            if len(open_parts) >= workers:
                take()
        while open_parts:
            take()
    if not found:
        raise ValueError("There are no rows to evaluate")
    return parts_merge(found)


def parts_merge(parts: Sequence[Part]) -> Part:
    """All parts as one. Raises ValueError for parts of different kinds, or for none."""
    if not parts or len({type(part) for part in parts}) != 1:
        raise ValueError("Parts of one evaluation are of one kind")
    return reduce(lambda one, two: one.merge(two), parts)  # type: ignore[arg-type]


def rows_fit(rows: int, scan: Scan, spec: EvaluateSpec, memory_bytes: int | None = None) -> bool:
    """Whether an exact evaluation of so many rows fits into memory; into half of what is free when None is given.

    Per row: number, score, order, loss and its sorted copies, 64 bytes a model and 48 more for what two models share in
    each thread, and one byte a segment as read and for each order.
    """
    if memory_bytes is None:
        memory_bytes = psutil.virtual_memory().available // 2
    models = 2 if scan.has_baseline else 1
    shared = 0 if models == 1 else 48 * processors()
    classes = 8 * len(spec.classes or ()) * models
    return rows * (24 + 64 * models + shared + classes + (1 + models) * len(spec.segments)) <= memory_bytes


def evaluate_files(
    paths: Sequence[Path | str],
    scan: Scan,
    spec: EvaluateSpec,
    *,
    memory_bytes: int | None = None,
    threads: int | None = None,
) -> tuple[Report, Arrays]:
    """The report of Parquet files and its arrays: exact where the rows fit into memory, else from counts.

    Raises ValueError without files or rows and for columns with missing values, KeyError for a missing column.
    """
    rows = [pq.read_metadata(path).num_rows for path in paths]
    spec = bands_fix(paths, spec)
    exact = rows_fit(sum(rows), scan, spec, memory_bytes)
    parts = [
        part_of(batches_read(path, scan, spec), scan, spec, exact=exact, first=sum(rows[:index]), threads=threads)
        for index, path in enumerate(paths)
        if rows[index]
    ]
    if not parts:
        raise ValueError("There are no rows to evaluate")
    return parts_merge(parts).finish(scan, spec, threads=threads)
