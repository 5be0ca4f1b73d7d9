"""The same evaluation as Ray tasks, one a file: the functions of `streaming`, run where the workers are.

Ray is no dependency; it is imported when an evaluation is run on it, and the caller has connected to a cluster.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analysis.contracts.report import Report
from analysis.inputs import EvaluateSpec
from analysis.statistics import Arrays
from analysis.streaming import Part, Scan, bands_fix, batches_read, part_of, parts_merge, rows_fit

MERGED_AT_ONCE = 8
"""Parts that one task merges; more are merged level by level, so that no task holds them all."""


def evaluate_on_ray(
    paths: Sequence[Path | str], scan: Scan, spec: EvaluateSpec, *, memory_bytes: int | None = None
) -> tuple[Report, Arrays]:
    """The report of Parquet files that every worker can read.

    Exact where the rows fit into the memory of the task that finishes, else from counts. Raises ModuleNotFoundError
    without Ray, ValueError without rows and for columns with missing values, KeyError for a missing column.
    """
    import ray

    rows = [pq.read_metadata(path).num_rows for path in paths]
    spec = bands_fix(paths, spec)
    exact = rows_fit(sum(rows), scan, spec, memory_bytes)

    def scanned(path: str, first: int) -> Part:
        return part_of(batches_read(path, scan, spec), scan, spec, exact=exact, first=first, threads=1)

    def merged(*parts: Part) -> Part:
        return parts_merge(parts)

    def finished(part: Part) -> tuple[Report, Arrays]:
        return part.finish(scan, spec, threads=1)

    scan_task, merge_task, finish_task = (ray.remote(one) for one in (scanned, merged, finished))
    parts: list[Any] = [
        scan_task.remote(str(path), sum(rows[:index])) for index, path in enumerate(paths) if rows[index]
    ]
    if not parts:
        raise ValueError("There are no rows to evaluate")
    while len(parts) > 1:
        parts = [
            merge_task.remote(*parts[start : start + MERGED_AT_ONCE]) for start in range(0, len(parts), MERGED_AT_ONCE)
        ]
    try:
        found: tuple[Report, Arrays] = ray.get(finish_task.remote(parts[0]))
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    return found
