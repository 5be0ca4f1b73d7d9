"""Evaluation of files larger than memory, and of parts of one on several machines: read once, part by part, merged.

Two kinds of part, with one life: made of record batches, merged in any order, finished to a report.
`RowsPart` keeps the rows in their narrowest form (8 bytes a score, 1 byte a segment), so that every number is exact;
`CountsPart` keeps counts and sums alone, whose size does not depend on the rows. Of the latter everything is exact but
the two areas, which come from FINE score bins and carry their bound (see `segment_metrics.binned`), and the paired
differences of these areas, which come from both intervals instead of the rows.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.compare import binary_differences, unpaired_difference
from analysis.contracts.costs import Costs
from analysis.contracts.expressions import columns as columns_of
from analysis.contracts.expressions import parse
from analysis.contracts.metrics import BINARY, MULTICLASS, REGRESSION
from analysis.contracts.report import Report
from analysis.contracts.segments import MAX_LEVELS
from analysis.evaluate import ReportHead, evaluate_rows, processors, report_build
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput, row_digest
from analysis.intervals import Counts, ratio
from analysis.kernels import Measured
from analysis.segment_metrics.binary import BinaryStatistics, binary_estimates
from analysis.segment_metrics.binary_rows import (
    PairedRows,
    PairedStatistics,
    RowCodes,
    binary_rows,
    binary_statistics,
    paired_counts,
)
from analysis.segment_metrics.binned import ranks_of_bins
from analysis.segment_metrics.groupings import Grouping, groupings_build
from analysis.segments import Key, SegmentCodes, missing_label, segments_evaluate
from analysis.statistics import BASELINE, CANDIDATE, Arrays
from analysis.support import Sizes

FINE: Final = 1000
"""Score bins of a part's areas."""
BATCH: Final = 262_144
"""Rows that are read together."""

MERGED: Final = 8
"""Parts that wait before they are merged."""

Cells: TypeAlias = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """Which columns of the files hold what: truth, each model's score (two classes, rankings) or prediction, row
    number, weight and query; and the models' thresholds.
    """

    truth: str
    score: str | None = None
    predicted: str | None = None
    baseline_score: str | None = None
    baseline_predicted: str | None = None
    row: str | None = None
    weight: str | None = None
    query: str | None = None
    threshold: float | None = None
    baseline_threshold: float | None = None

    @property
    def has_baseline(self) -> bool:
        """Is there a second model?"""
        return self.baseline_score is not None or self.baseline_predicted is not None

    def names(self, spec: EvaluateSpec, held: Sequence[str]) -> list[str]:
        """The columns to read: those named here and those that the segments read, as far as the file has these."""
        own = [
            self.truth, self.score, self.predicted, self.baseline_score, self.baseline_predicted, self.row, self.weight,
            self.query,
        ]  # fmt: skip
        read = [name for segment in spec.segments for name in columns_of(parse(segment.expression)) if name in held]
        return list(dict.fromkeys([name for name in (*own, *read) if name is not None]))


def batches_read(path: Path | str, scan: Scan, spec: EvaluateSpec) -> Iterator[pa.Table]:
    """The rows of a Parquet file, BATCH at a time, texts as codes. Raises KeyError for a column that is not there."""
    with pq.ParquetFile(path) as plain:
        schema = plain.schema_arrow
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    wanted = scan.names(spec, schema.names)
    missing = [name for name in wanted if name not in schema.names]
    if missing:
        raise KeyError(f"The file has no column {missing[0]}")
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
            yield pa.Table.from_batches([batch])


def _numbers(column: pa.ChunkedArray, name: str) -> npt.NDArray[Any]:
    if column.null_count:
        raise ValueError(f"The column {name} has rows without a value")
    return np.asarray(column.to_numpy())


def _outputs(table: pa.Table, scan: Scan) -> list[ModelOutput]:
    sides = [(scan.score, scan.predicted, scan.threshold)]
    if scan.has_baseline:
        sides.append((scan.baseline_score, scan.baseline_predicted, scan.baseline_threshold))
    return [
        ModelOutput(
            scores=None if score is None else _numbers(table[score], score).astype(np.float64),
            predicted=None if predicted is None else _numbers(table[predicted], predicted),
            threshold=threshold,
        )
        for score, predicted, threshold in sides
    ]


@dataclass(frozen=True, slots=True)
class RowsPart:
    """Rows in their narrowest form: arrays by name, each a list of pieces, and the segments of each piece."""

    arrays: dict[str, tuple[npt.NDArray[Any], ...]]
    segments: tuple[tuple[SegmentCodes, ...], ...]
    rows: int

    @classmethod
    def of(cls, table: pa.Table, scan: Scan, spec: EvaluateSpec, first: int) -> "RowsPart":
        """Of one batch whose first row has the number `first`."""
        truth = _numbers(table[scan.truth], scan.truth)
        kinds = {BINARY: np.bool_, MULTICLASS: np.int32, REGRESSION: np.float64}
        named: dict[str, npt.NDArray[Any] | None] = {"truth": truth.astype(kinds.get(spec.task, np.float64))}
        for side, output in zip(("", "baseline_"), _outputs(table, scan), strict=False):
            named[f"{side}score"], named[f"{side}predicted"] = output.scores, output.predicted
        for name, column in (("row", scan.row), ("weight", scan.weight), ("query", scan.query)):
            named[name] = None if column is None else _numbers(table[column], column)
        if scan.row is None:
            named["row"] = np.arange(first, first + truth.size)
        arrays: dict[str, tuple[npt.NDArray[Any], ...]] = {
            name: (array,) for name, array in named.items() if array is not None
        }
        return cls(arrays, (tuple(segments_evaluate(spec.segments, table)),), truth.size)

    def merge(self, other: "RowsPart") -> "RowsPart":
        """Both parts' rows; nothing is copied before the end. Raises ValueError when they hold different columns."""
        if self.arrays.keys() != other.arrays.keys():
            raise ValueError("Parts of one evaluation hold the same columns")
        arrays = {name: (*pieces, *other.arrays[name]) for name, pieces in self.arrays.items()}
        return RowsPart(arrays, (*self.segments, *other.segments), self.rows + other.rows)

    def finish(self, scan: Scan, spec: EvaluateSpec, *, threads: int | None = None) -> tuple[Report, Arrays]:
        """The exact report of all rows."""
        whole = {name: np.concatenate(pieces) for name, pieces in self.arrays.items()}
        segments = [segments_join(pieces) for pieces in zip(*self.segments, strict=True)]
        baseline = None
        if scan.has_baseline:
            baseline = ModelOutput(
                whole.get("baseline_score"), whole.get("baseline_predicted"), scan.baseline_threshold
            )  # fmt: skip
        rows = EvaluationRows(
            row_ids=whole["row"],
            truth=whole["truth"],
            columns=pa.table({}),
            candidate=ModelOutput(whole.get("score"), whole.get("predicted"), scan.threshold),
            baseline=baseline,
            weights=None if "weight" not in whole else whole["weight"].astype(np.float64),
            queries=whole.get("query"),
        )
        return evaluate_rows(rows, spec, segments, threads=threads)


def segments_join(pieces: Sequence[SegmentCodes]) -> SegmentCodes:
    """One segment of several pieces of a table: all their levels in the order of one, and the codes one after another.

    A segment that does not fit one of the pieces fits none.
    """
    wrong = next((piece for piece in pieces if piece.error is not None), None)
    total = sum(piece.codes.size for piece in pieces)
    if wrong is not None:
        return SegmentCodes(wrong.spec, np.zeros(total, np.uint8), (), wrong.error)
    keys, labels = _levels_join([(piece.keys, piece.labels) for piece in pieces])
    if len(keys) > 1 + MAX_LEVELS:
        error = f"{len(keys)} different values are too many, {MAX_LEVELS} at most"
        return SegmentCodes(pieces[0].spec, np.zeros(total, np.uint8), (), error)
    place = {key: index for index, key in enumerate(keys)}
    parts = [np.asarray([place[key] for key in piece.keys] or [0], np.uint8)[piece.codes] for piece in pieces]
    return SegmentCodes(pieces[0].spec, np.concatenate(parts), labels, keys=keys)


def _levels_join(pieces: Iterable[tuple[Cells, tuple[str, ...]]]) -> tuple[Cells, tuple[str, ...]]:
    """All keys in order, the group without a value last, and their labels."""
    names: dict[Key, str] = {}
    for keys, labels in pieces:
        names.update(zip(keys, labels, strict=True))
    known = sorted((key for key in names if key is not None), key=lambda key: (isinstance(key, str), key))
    labels = tuple(names[key] for key in known)
    if None in names:
        return (*known, None), (*labels, missing_label(labels))
    return tuple(known), labels


@dataclass(frozen=True, slots=True)
class GroupingPart:
    """The statistics of one grouping of one part: the group of each key, and arrays by name with one row a group."""

    names: tuple[str, ...]
    cells: tuple[Cells, ...]
    arrays: dict[str, Counts]

    def merge(self, other: "GroupingPart") -> "GroupingPart":
        """Sums over the groups of both."""
        place = {cell: index for index, cell in enumerate(dict.fromkeys((*self.cells, *other.cells)))}
        arrays = {}
        for name, mine in self.arrays.items():
            total = np.zeros((len(place), *mine.shape[1:]), np.result_type(mine, other.arrays[name]))
            total[: len(self.cells)] = mine
            total[[place[cell] for cell in other.cells]] += other.arrays[name]
            arrays[name] = total
        return GroupingPart(self.names, tuple(place), arrays)


@dataclass(frozen=True, slots=True)
class CountsPart:
    """Counts and sums of one part: by grouping, the levels of each segment, the digests of the batches."""

    groupings: dict[tuple[str, ...], GroupingPart]
    levels: dict[str, tuple[Cells, tuple[str, ...]]]
    errors: dict[str, str]
    digests: tuple[str, ...]
    notes: tuple[str, ...]
    rows: int

    @classmethod
    def of(cls, table: pa.Table, scan: Scan, spec: EvaluateSpec, first: int) -> "CountsPart":
        """Of one batch whose first row has the number `first`. Raises ValueError for other tasks than two classes."""
        if spec.task != BINARY or spec.custom or spec.sensitivities:
            raise ValueError("Only the standard metrics of two classes are made of counts; others need the rows")
        truth = _numbers(table[scan.truth], scan.truth).astype(np.bool_)
        weight = None if scan.weight is None else _numbers(table[scan.weight], scan.weight).astype(np.float64)
        models = []
        for output in _outputs(table, scan):
            if output.scores is None:
                raise ValueError("Two classes need one score per row")
            cut = 0.5 if output.threshold is None else output.threshold
            models.append(binary_rows(truth, output.scores, cut, weight, bins=FINE))
        segments = segments_evaluate(spec.segments, table)
        usable = [one for one in segments if one.labels]
        groupings, notes = groupings_build(usable, truth.size, crossings=spec.crossings, triples=spec.triples)
        orders = (*(one.order for one in models), None)
        codes = [RowCodes.gather(usable, order) for order in orders]
        paired = PairedRows.of(models[0], models[1]) if len(models) > 1 else None
        parts = {}
        for grouping in groupings:
            names = tuple(part.spec.name for part in grouping.parts)
            arrays: dict[str, Counts] = {}
            for side, model, ordered in zip((CANDIDATE, BASELINE), models, codes, strict=False):
                found = binary_statistics(grouping, model, ordered).parts()
                arrays |= {
                    side + name: one.astype(np.int64) if one.dtype == np.int32 else one
                    for name, one in found.items()
                    if one is not None and name != "ranks"
                }
            if paired is not None:
                both = paired_counts(grouping, paired, codes[-1])
                arrays |= {"cells": both.cells, "cell_squares": both.squares, "losses": both.losses}
            group = 2 * grouping.codes().astype(np.int64) + truth
            arrays["rows"] = np.bincount(group, minlength=2 * grouping.size).reshape(-1, 2)
            cells = tuple(
                tuple(part.keys[level] for part, level in zip(grouping.parts, cell, strict=True))
                for cell in grouping.cells
            )
            parts[names] = GroupingPart(names, cells, arrays)
        ids = np.arange(first, first + truth.size) if scan.row is None else _numbers(table[scan.row], scan.row)
        return cls(
            parts,
            {one.spec.name: (one.keys, one.labels) for one in usable},
            {one.spec.name: one.error for one in segments if one.error is not None},
            (row_digest(ids, truth),),
            tuple(notes),
            truth.size,
        )

    def merge(self, other: "CountsPart") -> "CountsPart":
        """The sums of both: of the groupings that both have, a crossing with too many groups in one being left out."""
        errors = {**other.errors, **self.errors}
        return CountsPart(
            {
                names: part.merge(other.groupings[names])
                for names, part in self.groupings.items()
                if names in other.groupings
            },
            {
                name: _levels_join([levels, other.levels[name]])
                for name, levels in self.levels.items()
                if name in other.levels
            },
            errors,
            (*self.digests, *other.digests),
            tuple(dict.fromkeys((*self.notes, *other.notes))),
            self.rows + other.rows,
        )

    def finish(self, scan: Scan, spec: EvaluateSpec, *, threads: int | None = None) -> tuple[Report, Arrays]:
        """The report from counts alone, and the bound of its areas in its notes."""
        nothing = np.zeros(0, np.uint8)
        segments = [
            SegmentCodes(one, nothing, (), self.errors[one.name])
            if one.name in self.errors
            else SegmentCodes(one, nothing, self.levels[one.name][1], keys=self.levels[one.name][0])
            for one in spec.segments
        ]
        by_name = {one.spec.name: one for one in segments}
        groupings, measured, bound = [], [], 0.0
        for names, part in self.groupings.items():
            if any(name in self.errors for name in names):
                continue
            grouping, order = _grouping_of(tuple(by_name[name] for name in names), part, self.rows)
            one, found = _measured(part, order, spec)
            groupings.append(grouping)
            measured.append(one)
            if not names:
                bound = found
        note = (
            f"ROC AUC and PR AUC come from {FINE} score bins, because the rows were not held together; their intervals "
            f"are wider by the largest error that this can make, {bound:.2g} for everyone's ROC AUC."
        )
        digest = hashlib.sha256(b"parts\n" + "\n".join(sorted(self.digests)).encode()).hexdigest()
        head = ReportHead(
            n=self.rows,
            row_digest=digest,
            threshold=0.5 if scan.threshold is None else scan.threshold,
            baseline_threshold=(
                None if not scan.has_baseline else 0.5 if scan.baseline_threshold is None else scan.baseline_threshold
            ),
            has_baseline=scan.has_baseline,
            notes=(*self.notes, note),
        )
        return report_build(head, spec, segments, groupings, measured)


Part: TypeAlias = RowsPart | CountsPart


def _grouping_of(
    parts: tuple[SegmentCodes, ...], held: GroupingPart, rows: int
) -> tuple[Grouping, npt.NDArray[np.int64]]:
    """The grouping of merged groups in the order of their levels, and which merged row each is; -1 without rows."""
    place = [{key: index for index, key in enumerate(part.keys)} for part in parts]
    known = {
        tuple(levels[key] for levels, key in zip(place, cell, strict=True)): row for row, cell in enumerate(held.cells)
    }
    cells = sorted(known)
    if len(parts) == 1:
        cells = [(level,) for level in range(len(parts[0].labels))]
    shape = tuple(len(part.labels) for part in parts)
    table = np.full(int(np.prod(shape)), -1, np.int32)
    if parts:
        table[np.ravel_multi_index(tuple(np.asarray(cells).T), shape)] = np.arange(len(cells), dtype=np.int32)
    else:
        table[:] = 0
    return Grouping(parts, rows, table, tuple(cells)), np.asarray([known.get(cell, -1) for cell in cells])


def _measured(part: GroupingPart, order: npt.NDArray[np.int64], spec: EvaluateSpec) -> tuple[Measured, float]:
    arrays = {name: np.where(_wide(order >= 0, one), one[order], 0) for name, one in part.arrays.items()}
    costs = spec.costs if isinstance(spec.costs, Costs) else None

    def side(name: str) -> BinaryStatistics:
        held = {key[len(name) :]: one for key, one in arrays.items() if key.startswith(name)}
        return ranks_of_bins(BinaryStatistics(**held, ranks=np.full((order.size, 4), np.nan)))

    candidate = side(CANDIDATE)
    negatives, positives = arrays["rows"].T
    n = candidate.counts.sum(axis=1)
    effective = None if candidate.squares is None else ratio(n**2, candidate.squares.sum(axis=1))
    sizes = Sizes(negatives + positives, positives, negatives, effective)

    def at_of(statistics: BinaryStatistics) -> Any:
        @cache
        def at(level: float) -> Any:
            return binary_estimates(statistics, costs=costs, level=level)

        return at

    bounds = candidate.rank_bounds
    bound = 0.0 if bounds is None else float(np.nan_to_num(bounds[:, 0]).max(initial=0))
    stored = {CANDIDATE + name: one for name, one in candidate.parts().items() if one is not None}
    confusion = candidate.counts.reshape(-1, 2, 2)
    at = at_of(candidate)
    if "cells" not in arrays:
        return Measured(sizes, at, stored, confusion=confusion), bound
    baseline = side(BASELINE)
    baseline_at = at_of(baseline)
    none = np.full((order.size, 2), np.nan)
    both = PairedStatistics(
        arrays["cells"], arrays["cell_squares"], arrays["losses"], none, candidate.squares is not None
    )  # fmt: skip
    found = at(spec.level), baseline_at(spec.level)
    table, differences = binary_differences(both, found, costs=costs, level=spec.level)
    for name in ("roc_auc", "pr_auc"):
        differences[name] = unpaired_difference(found, name)
    stored |= {BASELINE + name: one for name, one in baseline.parts().items() if one is not None}
    other = baseline.counts.reshape(-1, 2, 2)
    return Measured(sizes, at, stored, baseline_at, table, differences, confusion, other), bound


def _wide(mask: npt.NDArray[np.bool_], like: Counts) -> npt.NDArray[np.bool_]:
    return mask.reshape(-1, *(1 for _ in like.shape[1:]))


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
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") // 2
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
    exact = rows_fit(sum(rows), scan, spec, memory_bytes)
    parts = [
        part_of(batches_read(path, scan, spec), scan, spec, exact=exact, first=sum(rows[:index]), threads=threads)
        for index, path in enumerate(paths)
        if rows[index]
    ]
    if not parts:
        raise ValueError("There are no rows to evaluate")
    return parts_merge(parts).finish(scan, spec, threads=threads)
