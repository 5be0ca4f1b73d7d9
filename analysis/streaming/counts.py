"""Parts that keep counts and sums alone: their size does not depend on the rows.

Everything is exact but the two areas, which come from FINE score bins and carry their bound, and the paired differences
of these areas, which come from both intervals instead of the rows.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.compare import binary_differences, unpaired_difference
from analysis.contracts.costs import Costs
from analysis.contracts.metrics import BINARY
from analysis.contracts.report import Report
from analysis.evaluate import ReportHead, report_build
from analysis.inputs import EvaluateSpec, row_digest
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
from analysis.segments import SegmentCodes, segments_evaluate
from analysis.statistics import BASELINE, CANDIDATE, Arrays
from analysis.streaming.rows import Cells, levels_join
from analysis.streaming.scan import Scan, numbers_of, outputs_of
from analysis.support import Sizes

FINE: Final = 1000
"""Score bins of a part's areas."""


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
        truth = numbers_of(table[scan.truth], scan.truth).astype(np.bool_)
        weight = None if scan.weight is None else numbers_of(table[scan.weight], scan.weight).astype(np.float64)
        models = []
        for output in outputs_of(table, scan):
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
        ids = np.arange(first, first + truth.size) if scan.row is None else numbers_of(table[scan.row], scan.row)
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
                name: levels_join([levels, other.levels[name]])
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
