"""One kernel per task: what evaluation measures for one grouping, in one shape for all tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from analysis.compare import (
    Differences,
    PairedTable,
    binary_differences,
    multiclass_differences,
    regression_differences,
)
from analysis.contracts.costs import Costs
from analysis.fairness import EstimatesAt
from analysis.intervals import Counts, Floats, ratio
from analysis.segment_metrics.binary import BinaryStatistics, binary_estimates
from analysis.segment_metrics.binary_rows import (
    BinaryRows,
    PairedRows,
    RowCodes,
    binary_statistics,
    paired_statistics,
)
from analysis.segment_metrics.estimates import Estimates
from analysis.segment_metrics.groupings import Grouping
from analysis.segment_metrics.multiclass import MulticlassRows, multiclass_estimates, multiclass_statistics
from analysis.segment_metrics.regression import RegressionRows, regression_estimates, regression_statistics
from analysis.segments import SegmentCodes
from analysis.statistics import BASELINE, CANDIDATE, Arrays
from analysis.support import Sizes


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything measured for the groups of one grouping.

    `at(level)` and `baseline_at(level)` give estimates; `arrays` has one row per group and is what may be stored;
    `confusion` and `baseline_confusion` are [G, K, K] or None.
    """

    sizes: Sizes
    at: EstimatesAt
    arrays: Arrays
    baseline_at: EstimatesAt | None = None
    table: PairedTable | None = None
    differences: Mapping[str, Differences] = field(default_factory=dict)
    confusion: Counts | None = None
    baseline_confusion: Counts | None = None


class Kernel(Protocol):
    """What evaluation needs of a task."""

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Measure all groups of one grouping. Called from several threads at once."""


@dataclass(frozen=True, slots=True)
class BinaryKernel:
    """Two classes: the candidate's ordered rows, both models' when there are two, and the costs of errors.

    `codes` are those of the segments in the candidate's order; with a baseline also in its order and as rows come.
    """

    candidate: BinaryRows
    paired: PairedRows | None
    codes: tuple[RowCodes, ...]
    costs: Costs | None

    @classmethod
    def of(cls, models: Sequence[BinaryRows], segments: Sequence[SegmentCodes], costs: Costs | None) -> "BinaryKernel":
        """For one model, or a candidate and a baseline."""
        orders: list[npt.NDArray[np.int64] | None] = [one.order for one in models]
        if len(models) > 1:
            orders.append(None)
        paired = PairedRows.of(models[0], models[1]) if len(models) > 1 else None
        return cls(models[0], paired, tuple(RowCodes.gather(segments, order) for order in orders), costs)

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Counts, sums and ranks of each group; with a baseline also the paired table and differences."""
        statistics = binary_statistics(grouping, self.candidate, self.codes[0])
        at = self._at(statistics)
        arrays = _binary_arrays(CANDIDATE, statistics)
        sizes = self._sizes(grouping, statistics)
        confusion = statistics.counts.reshape(-1, 2, 2)
        if self.paired is None:
            return Measured(sizes, at, arrays, confusion=confusion)
        other = binary_statistics(grouping, self.paired.baseline, self.codes[1])
        baseline_at = self._at(other)
        both = paired_statistics(
            grouping, self.paired, (self.codes[0], self.codes[1], self.codes[2]), (statistics.ranks, other.ranks)
        )
        table, differences = binary_differences(
            both, (at(level), baseline_at(level)), costs=self.costs, level=level
        )  # fmt: skip
        arrays |= _binary_arrays(BASELINE, other)
        return Measured(sizes, at, arrays, baseline_at, table, differences, confusion, other.counts.reshape(-1, 2, 2))

    def _sizes(self, grouping: Grouping, statistics: BinaryStatistics) -> Sizes:
        if statistics.squares is None:
            tn, fp, fn, tp = statistics.counts.T
            return Sizes(tn + fp + fn + tp, tp + fn, tn + fp)
        cells = 2 * grouping.codes().astype(np.int64) + self.candidate.truth
        negatives, positives = np.bincount(cells, minlength=2 * grouping.size).reshape(-1, 2).T
        n = statistics.counts.sum(axis=1)
        return Sizes(negatives + positives, positives, negatives, ratio(n**2, statistics.squares.sum(axis=1)))

    def _at(self, statistics: BinaryStatistics) -> EstimatesAt:
        @cache
        def at(level: float) -> Mapping[str, Estimates]:
            return binary_estimates(statistics, costs=self.costs, level=level)

        return at


@dataclass(frozen=True, slots=True)
class MulticlassKernel:
    """Many classes: both models' prepared rows, the class labels, prices [K, K] by truth and prediction or None."""

    candidate: MulticlassRows
    baseline: MulticlassRows | None
    classes: tuple[str, ...]
    prices: Floats | None

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Confusion counts of each group and what follows from them."""
        codes = grouping.codes()

        def side(rows: MulticlassRows, name: str) -> tuple[EstimatesAt, npt.NDArray[np.int64], Arrays]:
            statistics = multiclass_statistics(codes, grouping.size, rows)

            @cache
            def at(level: float) -> Mapping[str, Estimates]:
                return multiclass_estimates(statistics, self.classes, prices=self.prices, level=level)

            stored: Arrays = {f"{name}confusion": statistics.confusion, f"{name}sums": statistics.sums}
            return at, statistics.confusion, stored

        at, confusion, arrays = side(self.candidate, CANDIDATE)
        sizes = Sizes(confusion.sum(axis=(1, 2)))
        if self.baseline is None:
            return Measured(sizes, at, arrays, confusion=confusion)
        baseline_at, other, more = side(self.baseline, BASELINE)
        table, differences = multiclass_differences(
            codes,
            grouping.size,
            self.candidate,
            self.baseline,
            (confusion, other),
            (at(level), baseline_at(level)),
            prices=self.prices,
            level=level,
        )
        return Measured(sizes, at, arrays | more, baseline_at, table, differences, confusion, other)


@dataclass(frozen=True, slots=True)
class RegressionKernel:
    """Regression: both models' prepared rows, and what each unit of error costs if that is stated."""

    candidate: RegressionRows
    baseline: RegressionRows | None
    per_unit: float | None

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Sums of each group and what follows from them."""
        codes = grouping.codes()

        def side(rows: RegressionRows, name: str) -> tuple[EstimatesAt, Arrays]:
            statistics = regression_statistics(codes, grouping.size, rows)

            @cache
            def at(level: float) -> Mapping[str, Estimates]:
                return regression_estimates(statistics, tolerance=rows.tolerance, per_unit=self.per_unit, level=level)

            return at, {f"{name}sums": statistics.sums, f"{name}variation": statistics.variation}

        at, arrays = side(self.candidate, CANDIDATE)
        sizes = Sizes(np.bincount(codes, minlength=grouping.size))
        if self.baseline is None:
            return Measured(sizes, at, arrays)
        baseline_at, more = side(self.baseline, BASELINE)
        differences = regression_differences(
            codes,
            grouping.size,
            self.candidate,
            self.baseline,
            (at(level), baseline_at(level)),
            per_unit=self.per_unit,
            level=level,
        )
        return Measured(sizes, at, arrays | more, baseline_at, None, differences)


def _binary_arrays(side: str, statistics: BinaryStatistics) -> Arrays:
    return {side + name: part for name, part in statistics.parts().items() if part is not None}
