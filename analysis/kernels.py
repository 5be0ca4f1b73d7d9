"""One kernel per task: what evaluation measures for one grouping, in one shape for all tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from analysis.compare import (
    Differences,
    PairedTable,
    binary_differences,
    cells_difference,
    unpaired_difference,
)
from analysis.contracts.costs import Costs
from analysis.contracts.metrics import SPECIFICITY_AT
from analysis.custom import CustomMetric, CustomValues, count_custom
from analysis.fairness import EstimatesAt
from analysis.intervals import Counts, Floats, ratio
from analysis.segment_metrics.binary import BinaryStatistics, binary_makers, specificity_at
from analysis.segment_metrics.binary_rows import (
    BinaryRows,
    PairedRows,
    RowCodes,
    binary_statistics,
    negatives_above,
    paired_statistics,
)
from analysis.segment_metrics.estimates import Estimates, LazyEstimates
from analysis.segment_metrics.groupings import Grouping
from analysis.segment_metrics.multiclass import MulticlassRows, multiclass_estimates, multiclass_statistics
from analysis.segment_metrics.ranking import (
    RankingRows,
    RankingStatistics,
    ranking_estimates,
    ranking_statistics,
)
from analysis.segment_metrics.regression import RegressionRows, regression_estimates, regression_statistics
from analysis.segment_metrics.slopes import numeric_slope
from analysis.segments import SegmentCodes
from analysis.statistics import BASELINE, CANDIDATE, Arrays
from analysis.support import Sizes
from analysis.task_differences import multiclass_differences, ranking_differences, regression_differences


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
    """Two classes: the candidate's ordered rows, both models' when there are two, and what else is asked for.

    `codes` are those of the segments in the candidate's order; with a baseline also in its order and as rows come.
    """

    candidate: BinaryRows
    paired: PairedRows | None
    codes: tuple[RowCodes, ...]
    costs: Costs | None
    sensitivities: tuple[float, ...]
    customs: tuple[CustomMetric, ...]
    values: CustomValues

    @classmethod
    def of(
        cls,
        models: Sequence[BinaryRows],
        segments: Sequence[SegmentCodes],
        values: CustomValues,
        *,
        costs: Costs | None = None,
        sensitivities: tuple[float, ...] = (),
        customs: tuple[CustomMetric, ...] = (),
    ) -> "BinaryKernel":
        """For one model, or a candidate and a baseline."""
        orders: list[npt.NDArray[np.int64] | None] = [one.order for one in models]
        if len(models) > 1:
            orders.append(None)
        paired = PairedRows.of(models[0], models[1]) if len(models) > 1 else None
        codes = tuple(RowCodes.gather(segments, order) for order in orders)
        return cls(models[0], paired, codes, costs, sensitivities, customs, values)

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Counts, sums and ranks of each group; with a baseline also the paired table and differences."""
        statistics = binary_statistics(grouping, self.candidate, self.codes[0])
        at = self._at(grouping, statistics, 0)
        arrays = _stored(CANDIDATE, statistics.parts())
        sizes = self._sizes(grouping, statistics)
        confusion = statistics.counts.reshape(-1, 2, 2)
        if self.paired is None:
            return Measured(sizes, at, arrays, confusion=confusion)
        other = binary_statistics(grouping, self.paired.baseline, self.codes[1])
        baseline_at = self._at(grouping, other, 1)
        found = at(level), baseline_at(level)
        both = paired_statistics(
            grouping, self.paired, (self.codes[0], self.codes[1], self.codes[2]), (statistics.ranks, other.ranks)
        )
        table, differences = binary_differences(both, found, costs=self.costs, level=level)
        for share in self.sensitivities:
            differences[f"{SPECIFICITY_AT}{share:g}"] = unpaired_difference(found, f"{SPECIFICITY_AT}{share:g}")
        for one in self.customs:
            if one.counts is not None:
                differences[one.key] = cells_difference(both, one.key, numeric_slope(one.counts), found, level)
        differences |= self.values.differences(grouping.codes(), grouping.size, level) if self.values.metrics else {}
        arrays |= _stored(BASELINE, other.parts())
        return Measured(sizes, at, arrays, baseline_at, table, differences, confusion, other.counts.reshape(-1, 2, 2))

    def _sizes(self, grouping: Grouping, statistics: BinaryStatistics) -> Sizes:
        if statistics.squares is None:
            tn, fp, fn, tp = statistics.counts.T
            return Sizes(tn + fp + fn + tp, tp + fn, tn + fp)
        cells = 2 * grouping.codes().astype(np.int64) + self.candidate.truth
        negatives, positives = np.bincount(cells, minlength=2 * grouping.size).reshape(-1, 2).T
        n = statistics.counts.sum(axis=1)
        return Sizes(negatives + positives, positives, negatives, ratio(n**2, statistics.squares.sum(axis=1)))

    def _at(self, grouping: Grouping, statistics: BinaryStatistics, model: int) -> EstimatesAt:
        rows = self.candidate if self.paired is None or model == 0 else self.paired.baseline

        @cache
        def at(level: float) -> Mapping[str, Estimates]:
            makers = binary_makers(statistics, costs=self.costs, level=level)
            above = partial(negatives_above, grouping, rows, self.codes[model])
            for share in self.sensitivities:
                makers[f"{SPECIFICITY_AT}{share:g}"] = partial(specificity_at, statistics, share, above, level)
            for one in self.customs:
                if one.counts is not None:
                    makers[one.key] = partial(count_custom, one, statistics.counts, statistics.squares, level)
            if self.values.metrics:
                makers |= self.values.makers(grouping.codes(), grouping.size, model, level)
            return LazyEstimates(makers)

        return at


@dataclass(frozen=True, slots=True)
class MulticlassKernel:
    """Many classes: both models' prepared rows, the class labels, prices [K, K] by truth and prediction or None.

    `codes` are those of the segments in the order of each class's scores, for each model.
    """

    models: tuple[MulticlassRows, ...]
    codes: tuple[tuple[RowCodes, ...], ...]
    classes: tuple[str, ...]
    prices: Floats | None
    top_k: tuple[int, ...]
    values: CustomValues

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Confusion counts of each group and what follows from them."""
        codes = grouping.codes()

        def side(model: int, name: str) -> tuple[EstimatesAt, Counts, Arrays]:
            statistics = multiclass_statistics(grouping, self.models[model], self.codes[model])

            @cache
            def at(level: float) -> Mapping[str, Estimates]:
                found = multiclass_estimates(
                    statistics, self.classes, prices=self.prices, top_k=self.top_k, level=level
                )
                own = LazyEstimates(self.values.makers(codes, grouping.size, model, level))
                return {**found, **own}

            return at, statistics.confusion, _stored(name, statistics.parts())

        at, confusion, arrays = side(0, CANDIDATE)
        sizes = _plain_sizes(codes, grouping.size, self.models[0].weight)
        if len(self.models) == 1:
            return Measured(sizes, at, arrays, confusion=confusion)
        baseline_at, other, more = side(1, BASELINE)
        table, differences = multiclass_differences(
            codes,
            grouping.size,
            self.models[0],
            self.models[1],
            (confusion, other),
            (at(level), baseline_at(level)),
            prices=self.prices,
            top_k=self.top_k,
            level=level,
        )
        differences |= self.values.differences(codes, grouping.size, level)
        return Measured(sizes, at, arrays | more, baseline_at, table, differences, confusion, other)


@dataclass(frozen=True, slots=True)
class RegressionKernel:
    """Regression: both models' prepared rows, and what each unit of error costs if that is stated."""

    models: tuple[RegressionRows, ...]
    per_unit: float | None
    values: CustomValues

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Sums of each group and what follows from them."""
        codes = grouping.codes()

        def side(model: int, name: str) -> tuple[EstimatesAt, Arrays]:
            rows = self.models[model]
            statistics = regression_statistics(codes, grouping.size, rows)

            @cache
            def at(level: float) -> Mapping[str, Estimates]:
                found = regression_estimates(
                    statistics, tolerance=rows.tolerance, per_unit=self.per_unit, level=level
                )  # fmt: skip
                own = LazyEstimates(self.values.makers(codes, grouping.size, model, level))
                return {**found, **own}

            return at, _stored(name, statistics.parts())

        at, arrays = side(0, CANDIDATE)
        sizes = _plain_sizes(codes, grouping.size, self.models[0].weight)
        if len(self.models) == 1:
            return Measured(sizes, at, arrays)
        baseline_at, more = side(1, BASELINE)
        differences = regression_differences(
            codes,
            grouping.size,
            self.models[0],
            self.models[1],
            (at(level), baseline_at(level)),
            per_unit=self.per_unit,
            level=level,
        )
        differences |= self.values.differences(codes, grouping.size, level)
        return Measured(sizes, at, arrays | more, baseline_at, None, differences)


@dataclass(frozen=True, slots=True)
class RankingKernel:
    """Rankings: both models' ranked items. Queries are what is drawn, so they are the effective number of rows."""

    models: tuple[RankingRows, ...]

    def measure(self, grouping: Grouping, level: float) -> Measured:
        """Quality by query and exposure by item of each group."""
        codes = grouping.codes()

        def side(model: int, name: str) -> tuple[EstimatesAt, RankingStatistics, Arrays]:
            rows = self.models[model]
            statistics = ranking_statistics(codes, grouping.size, rows)

            @cache
            def at(level: float) -> Mapping[str, Estimates]:
                return ranking_estimates(statistics, tuple(rows.quality), level=level)

            parts = {"queries": statistics.queries, "exposures": statistics.exposures}
            return at, statistics, _stored(name, parts)

        at, statistics, arrays = side(0, CANDIDATE)
        sizes = Sizes(statistics.items, effective=statistics.lists.astype(np.float64))
        if len(self.models) == 1:
            return Measured(sizes, at, arrays)
        baseline_at, _, more = side(1, BASELINE)
        differences = ranking_differences(codes, grouping.size, self.models[0], self.models[1], level=level)
        return Measured(sizes, at, arrays | more, baseline_at, None, differences)


def _plain_sizes(codes: npt.NDArray[np.int32], size: int, weight: Floats | None) -> Sizes:
    rows = np.bincount(codes, minlength=size)
    if weight is None:
        return Sizes(rows)
    total, squares = (np.bincount(codes, weights=one, minlength=size) for one in (weight, weight**2))
    return Sizes(rows, effective=ratio(total**2, squares))


def _stored(side: str, parts: Mapping[str, Counts | None]) -> Arrays:
    return {side + name: part for name, part in parts.items() if part is not None}
