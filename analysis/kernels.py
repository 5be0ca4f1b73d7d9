"""One kernel per task: what evaluation measures for one grouping, in one shape for all tasks."""

from collections.abc import Mapping
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
from analysis.intervals import Floats
from analysis.segment_metrics.binary import (
    BinaryRows,
    BinaryStatistics,
    binary_estimates,
    binary_statistics,
)
from analysis.segment_metrics.estimates import Estimates
from analysis.segment_metrics.groupings import Grouping
from analysis.segment_metrics.multiclass import MulticlassRows, multiclass_estimates, multiclass_statistics
from analysis.segment_metrics.regression import RegressionRows, regression_estimates, regression_statistics
from analysis.statistics import BASELINE, BINARY_PARTS, CANDIDATE, Arrays
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
    confusion: npt.NDArray[np.int64] | None = None
    baseline_confusion: npt.NDArray[np.int64] | None = None


class Kernel(Protocol):
    """What evaluation needs of a task."""

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Measure all groups of one grouping."""


@dataclass(frozen=True, slots=True)
class BinaryKernel:
    """Two classes: the candidate's prepared rows, the baseline's when there is one, and the costs of errors."""

    candidate: BinaryRows
    baseline: BinaryRows | None
    costs: Costs | None

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Counts, sums and ranks of each group; with a baseline also the paired table and differences."""
        pair = self.baseline is not None
        statistics, ranks = binary_statistics(grouping.codes, grouping.size, self.candidate, influence=pair)
        at = self._at(statistics)
        arrays = _binary_arrays(CANDIDATE, statistics)
        tn, fp, fn, tp = statistics.counts.T
        sizes = Sizes(tn + fp + fn + tp, tp + fn, tn + fp)
        confusion = statistics.counts.reshape(-1, 2, 2)
        if self.baseline is None:
            return Measured(sizes, at, arrays, confusion=confusion)
        other, other_ranks = binary_statistics(grouping.codes, grouping.size, self.baseline, influence=True)
        baseline_at = self._at(other)
        table, differences = binary_differences(
            grouping.codes,
            grouping.size,
            self.candidate,
            self.baseline,
            (ranks, other_ranks),
            (at(level), baseline_at(level)),
            costs=self.costs,
            level=level,
        )
        arrays |= _binary_arrays(BASELINE, other)
        return Measured(sizes, at, arrays, baseline_at, table, differences, confusion, other.counts.reshape(-1, 2, 2))

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

        def side(rows: MulticlassRows, name: str) -> tuple[EstimatesAt, npt.NDArray[np.int64], Arrays]:
            statistics = multiclass_statistics(grouping.codes, grouping.size, rows)

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
            grouping.codes,
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

        def side(rows: RegressionRows, name: str) -> tuple[EstimatesAt, Arrays]:
            statistics = regression_statistics(grouping.codes, grouping.size, rows)

            @cache
            def at(level: float) -> Mapping[str, Estimates]:
                return regression_estimates(statistics, tolerance=rows.tolerance, per_unit=self.per_unit, level=level)

            return at, {f"{name}sums": statistics.sums, f"{name}variation": statistics.variation}

        at, arrays = side(self.candidate, CANDIDATE)
        sizes = Sizes(np.bincount(grouping.codes, minlength=grouping.size))
        if self.baseline is None:
            return Measured(sizes, at, arrays)
        baseline_at, more = side(self.baseline, BASELINE)
        differences = regression_differences(
            grouping.codes,
            grouping.size,
            self.candidate,
            self.baseline,
            (at(level), baseline_at(level)),
            per_unit=self.per_unit,
            level=level,
        )
        return Measured(sizes, at, arrays | more, baseline_at, None, differences)


def _binary_arrays(side: str, statistics: BinaryStatistics) -> Arrays:
    return {side + part: getattr(statistics, part) for part in BINARY_PARTS}
