"""Parts that keep their rows: every number of their report is exact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.contracts.metrics import BINARY, MULTICLASS, REGRESSION
from analysis.contracts.report import Report
from analysis.contracts.segments import MAX_LEVELS
from analysis.evaluate import evaluate_rows
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput
from analysis.segments import Key, SegmentCodes, missing_label, segments_evaluate
from analysis.statistics import Arrays
from analysis.streaming.scan import Scan, numbers_of, outputs_of

Cells: TypeAlias = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class RowsPart:
    """Rows in their narrowest form: arrays by name, each a list of pieces, and the segments of each piece."""

    arrays: dict[str, tuple[npt.NDArray[Any], ...]]
    segments: tuple[tuple[SegmentCodes, ...], ...]
    rows: int

    @classmethod
    def of(cls, table: pa.Table, scan: Scan, spec: EvaluateSpec, first: int) -> "RowsPart":
        """Of one batch whose first row has the number `first`."""
        truth = numbers_of(table[scan.truth], scan.truth)
        kinds = {BINARY: np.bool_, MULTICLASS: np.int32, REGRESSION: np.float64}
        named: dict[str, npt.NDArray[Any] | None] = {"truth": truth.astype(kinds.get(spec.task, np.float64))}
        for side, output in zip(("", "baseline_"), outputs_of(table, scan), strict=False):
            named[f"{side}score"], named[f"{side}predicted"] = output.scores, output.predicted
        for name, column in (("row", scan.row), ("weight", scan.weight), ("query", scan.query)):
            named[name] = None if column is None else numbers_of(table[column], column)
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
    keys, labels = levels_join([(piece.keys, piece.labels) for piece in pieces])
    if len(keys) > 1 + MAX_LEVELS:
        error = f"{len(keys)} different values are too many, {MAX_LEVELS} at most"
        return SegmentCodes(pieces[0].spec, np.zeros(total, np.uint8), (), error)
    place = {key: index for index, key in enumerate(keys)}
    parts = [np.asarray([place[key] for key in piece.keys] or [0], np.uint8)[piece.codes] for piece in pieces]
    return SegmentCodes(pieces[0].spec, np.concatenate(parts), labels, keys=keys)


def levels_join(pieces: Iterable[tuple[Cells, tuple[str, ...]]]) -> tuple[Cells, tuple[str, ...]]:
    """All keys in order, the group without a value last, and their labels."""
    names: dict[Key, str] = {}
    for keys, labels in pieces:
        names.update(zip(keys, labels, strict=True))
    known = sorted((key for key in names if key is not None), key=lambda key: (isinstance(key, str), key))
    labels = tuple(names[key] for key in known)
    if None in names:
        return (*known, None), (*labels, missing_label(labels))
    return tuple(known), labels
