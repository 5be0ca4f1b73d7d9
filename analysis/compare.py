"""Candidate against baseline on the same rows: paired tables, tests and differences by group.

A difference is candidate minus baseline. Shares of the same rows (accuracy, recall, ...) get McNemar's exact
test and Bonett and Price's interval; precision, F1 and other functions of counts the delta method on the
eight cells of (truth, candidate's word, baseline's word); areas the sum of squared differences of influence
values (paired DeLong for the ROC AUC); losses the normal interval of the mean difference per row. All p
values of a report make one family.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from analysis.contracts.costs import Costs
from analysis.contracts.metrics import EXPOSURES, TOP_K
from analysis.contracts.report import (
    BETTER,
    NO_DIFFERENCE,
    NOT_ENOUGH_DATA,
    NOT_PROVEN,
    WORSE,
    Verdict,
)
from analysis.intervals import (
    Counts,
    Floats,
    group_sum,
    mean_error,
    normal_p,
    normal_z,
    paired_shares,
    ratio,
    square_and_add,
    weighted_spread,
)
from analysis.segment_metrics.binary_rows import PairedStatistics
from analysis.segment_metrics.estimates import Estimates
from analysis.segment_metrics.multiclass import MEANS, MulticlassRows, influence_cells, single_price
from analysis.segment_metrics.ranking import DIVIDED, NO_RELEVANT, RankingRows, exposure_differences, query_groups
from analysis.segment_metrics.regression import QUANTILES, RegressionRows
from analysis.segment_metrics.slopes import Slope, count_slopes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Differences:
    """One metric's difference in every group: value, interval ends and p value (nan where there is none)."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    method: str
    reason: str = "undefined for one of the two"


@dataclass(frozen=True, slots=True)
class PairedTable:
    """Rows of every group by who was right (int64 per group) and the p value of McNemar's exact test."""

    both_right: Ints
    only_candidate: Ints
    only_baseline: Ints
    both_wrong: Ints
    p: Floats


def mcnemar(only_first: npt.ArrayLike, only_second: npt.ArrayLike) -> Floats:
    """Exact two-sided p of McNemar's test: twice the binomial tail of the smaller discordant count, at most
    1.
    """
    a, b = np.asarray(only_first, np.int64), np.asarray(only_second, np.int64)
    both = a + b
    tail = bdtr(np.minimum(a, b).astype(np.float64), np.maximum(both, 1), 0.5)
    return np.where(both > 0, np.minimum(2 * tail, 1.0), np.nan)


def share_difference(only_candidate: Ints, only_baseline: Ints, n: Ints, level: float) -> Differences:
    """Difference of two shares of the same n rows; p is 1 where the two never differ."""
    value = ratio(only_candidate - only_baseline, n)
    low, high = paired_shares(only_candidate, only_baseline, n, level)
    p = mcnemar(only_candidate, only_baseline)
    p = np.where((n > 0) & np.isnan(p), 1.0, p)
    return Differences(value, low, high, p, "Bonett-Price, exact McNemar")


def normal_difference(value: Floats, error: Floats, level: float, method: str) -> Differences:
    """Difference with a standard error; no difference without any spread has p = 1."""
    z = normal_z(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = normal_p(np.where((error == 0) & (value == 0), 0.0, value / error))
    unknown = ~(np.isfinite(value) & np.isfinite(error))
    p = np.where(unknown, np.nan, p)
    return Differences(value, value - z * error, value + z * error, p, method)


def paired_table(cells: Counts) -> PairedTable:
    """Who was right, from counts [G, 2, 2, 2] by truth, candidate's word and baseline's word."""
    both_right = cells[:, 0, 0, 0] + cells[:, 1, 1, 1]
    only_candidate = cells[:, 0, 0, 1] + cells[:, 1, 1, 0]
    only_baseline = cells[:, 0, 1, 0] + cells[:, 1, 0, 1]
    both_wrong = cells[:, 0, 1, 1] + cells[:, 1, 0, 0]
    return PairedTable(both_right, only_candidate, only_baseline, both_wrong, mcnemar(only_candidate, only_baseline))


def weighted_share_difference(
    only_candidate: Floats,
    only_baseline: Floats,
    discordant_squares: Floats,
    n: Floats,
    n_squares: Floats,
    level: float,
) -> Differences:
    """The same from sums of weights: Bonett and Price with the effective number of rows; the test is McNemar's in its
    normal form, (a - b) over the root of the discordant rows' squared weights.
    """
    value = ratio(only_candidate - only_baseline, n)
    effective = np.nan_to_num(ratio(n**2, n_squares))
    scale = np.nan_to_num(ratio(effective, n))
    low, high = paired_shares(only_candidate * scale, only_baseline * scale, effective, level)
    p = normal_p(np.nan_to_num(ratio(only_candidate - only_baseline, np.sqrt(discordant_squares))))
    return Differences(value, low, high, np.where(n > 0, p, np.nan), "Bonett-Price, effective number of rows")


_SHARES: Final = {
    "accuracy": ((0, 1), (0,)),
    "selection_rate": ((0, 1), ()),
    "tpr": ((1,), ()),
    "fnr": ((1,), (1,)),
    "fpr": ((0,), ()),
    "tnr": ((0,), (0,)),
}
"""Shares of the same rows: the truths whose rows are counted, and those of them where being called negative counts."""


def binary_differences(
    paired: PairedStatistics,
    found: tuple[Mapping[str, Estimates], Mapping[str, Estimates]],
    *,
    costs: Costs | None = None,
    level: float = 0.95,
) -> tuple[PairedTable | None, dict[str, Differences]]:
    """Every metric's difference in every group of one grouping; `found` are both models' estimates.

    The table counts rows, so with weights there is none.
    """
    cells = paired.cells if paired.weighted else paired.cells.astype(np.int64)
    table = None if paired.weighted else paired_table(cells)
    out = {name: _share_of(paired, cells, truths, turned, level) for name, (truths, turned) in _SHARES.items()}
    for name, slope in count_slopes(costs).items():
        out[name] = cells_difference(paired, name, slope, found, level)
    for index, (name, method) in enumerate((("roc_auc", "paired DeLong"), ("pr_auc", "paired influence function"))):
        value = found[0][name].value - found[1][name].value
        out[name] = normal_difference(value, np.sqrt(paired.variances[:, index]), level, method)
    for index, name in enumerate(("log_loss", "brier")):
        out[name] = _paired_mean(paired, index, level)
    out["ece"] = unpaired_difference(found, "ece")
    return table, out


def _share_of(
    paired: PairedStatistics,
    cells: Counts,
    truths: tuple[int, ...],
    turned: tuple[int, ...],
    level: float,
) -> Differences:
    """Difference of the shares of rows of some truths that each model calls positive, or for `turned` ones negative."""

    def only(counts: Counts, candidate: bool) -> Counts:
        parts = []
        for truth in truths:
            by_candidate, by_baseline = counts[:, truth, 1, 0], counts[:, truth, 0, 1]
            parts.append(by_candidate if candidate != (truth in turned) else by_baseline)
        return np.asarray(sum(parts))

    def rows(counts: Counts) -> Counts:
        return np.asarray(sum(counts[:, truth].sum(axis=(1, 2)) for truth in truths))

    if not paired.weighted:
        return share_difference(only(cells, True), only(cells, False), rows(cells), level)
    squares = paired.squares
    discordant = only(squares, True) + only(squares, False)
    return weighted_share_difference(
        only(cells, True), only(cells, False), discordant, rows(cells), rows(squares), level
    )


def _paired_mean(paired: PairedStatistics, index: int, level: float) -> Differences:
    total, first, second, squares = paired.losses[:, index].T
    n = paired.cells.sum(axis=(1, 2, 3))
    value = ratio(total, n)
    error = np.sqrt(weighted_spread(second, first, squares, value, n))
    return normal_difference(value, error, level, "normal, paired by row")


def mean_difference(
    codes: Codes, size: int, per_row: Floats, level: float, weights: Floats | None = None
) -> Differences:
    """Difference of two means over the same rows, from the difference of each row."""
    if weights is None:
        n = np.bincount(codes, minlength=size)
        total = np.bincount(codes, weights=per_row, minlength=size)
        squares = np.bincount(codes, weights=per_row**2, minlength=size)
        value, error = mean_error(total, squares, n)
        return normal_difference(value, error, level, "normal, paired by row")
    heavy = weights**2
    sums = [weights, weights * per_row, heavy, heavy * per_row, heavy * per_row**2]
    weighed, moved, zeroth, first, second = (group_sum(codes, one, size) for one in sums)
    value = ratio(moved, weighed)
    error = np.sqrt(weighted_spread(second, first, zeroth, value, weighed))
    return normal_difference(value, error, level, "normal, paired by row")


def right_difference(
    codes: Codes, size: int, right: Bools, was_right: Bools, level: float, weights: Floats | None
) -> tuple[PairedTable | None, Differences]:
    """Difference of the shares of rows that are right, and who was right: without weights, which no table counts."""

    def count(weight: Floats | None) -> Counts:
        cell = codes * np.int64(4) + 2 * right + was_right
        return np.bincount(cell, weights=weight, minlength=4 * size).reshape(size, 4)

    both_wrong, only_b, only_c, both = count(weights).T
    n = both_wrong + only_b + only_c + both
    if weights is None:
        table = PairedTable(both, only_c, only_b, both_wrong, mcnemar(only_c, only_b))
        return table, share_difference(only_c, only_b, n, level)
    squares = count(weights**2)
    discordant = squares[:, 1] + squares[:, 2]
    return None, weighted_share_difference(only_c, only_b, discordant, n, squares.sum(axis=1), level)


def cells_difference(
    paired: PairedStatistics,
    name: str,
    slope: Slope,
    found: tuple[Mapping[str, Estimates], Mapping[str, Estimates]],
    level: float,
) -> Differences:
    """Delta method; half a row is added to each discordant cell, so that no finding rests on an empty one."""
    value = found[0][name].value - found[1][name].value
    cells, squares = paired.cells, paired.squares
    influence = slope(cells.sum(axis=3))[:, :, :, None] - slope(cells.sum(axis=2))[:, :, None, :]
    smoothed = squares + np.where(np.eye(2) == 1, 0.0, 0.5)[None, None]
    variance = (smoothed * influence**2).sum(axis=(1, 2, 3))
    return normal_difference(value, np.sqrt(variance), level, "delta method on paired counts")


def unpaired_difference(found: tuple[Mapping[str, Estimates], Mapping[str, Estimates]], name: str) -> Differences:
    """A difference from the two intervals alone: wider than needed, and without a test."""
    first, second = found[0][name], found[1][name]
    low, high = square_and_add(
        (first.value, second.value), ((first.low, first.high), (second.low, second.high)), (1.0, -1.0)
    )
    none = np.full(first.value.shape, np.nan)
    return Differences(first.value - second.value, low, high, none, "square and add of both intervals")


def multiclass_differences(
    codes: Codes,
    size: int,
    candidate: MulticlassRows,
    baseline: MulticlassRows,
    confusion: tuple[Counts, Counts],
    found: tuple[Mapping[str, Estimates], Mapping[str, Estimates]],
    *,
    prices: Floats | None = None,
    top_k: Sequence[int] = (),
    level: float = 0.95,
) -> tuple[PairedTable | None, dict[str, Differences]]:
    """The same for many classes."""
    weights = candidate.weight
    right, was_right = candidate.predicted == candidate.truth, baseline.predicted == baseline.truth
    table, accuracy = right_difference(codes, size, right, was_right, level, weights)
    out = {"accuracy": accuracy, "micro_f1": accuracy}
    heavy = 1.0 if weights is None else weights**2
    for name in MEANS:
        first, second = (influence_cells(one, name) for one in confusion)
        moved = first[codes, candidate.truth, candidate.predicted] - second[codes, baseline.truth, baseline.predicted]
        error = np.sqrt(group_sum(codes, heavy * moved**2, size))
        value = found[0][name].value - found[1][name].value
        out[name] = normal_difference(value, error, level, "delta method on paired rows")
    if candidate.log_loss is not None and baseline.log_loss is not None:
        out["log_loss"] = mean_difference(codes, size, candidate.log_loss - baseline.log_loss, level, weights)
    if candidate.ordered and baseline.ordered:
        out["macro_roc_auc"] = unpaired_difference(found, "macro_roc_auc")
    for k in top_k:
        if candidate.place is not None and baseline.place is not None:
            first_k = (candidate.place < k, baseline.place < k)
            out[f"{TOP_K}{k}"] = right_difference(codes, size, *first_k, level, weights)[1]
    if prices is not None:
        out["cost_per_100"] = _price_difference(codes, size, candidate, baseline, accuracy, prices, level)
    return table, out


def _price_difference(
    codes: Codes,
    size: int,
    candidate: MulticlassRows,
    baseline: MulticlassRows,
    accuracy: Differences,
    prices: Floats,
    level: float,
) -> Differences:
    """Money per 100 rows. With one price it is the difference of the wrong shares, so that it is proven exactly when
    that of the accuracies is.
    """
    price = single_price(prices)
    if price is not None:
        turned = replace(accuracy, value=-accuracy.value, low=-accuracy.high, high=-accuracy.low)
        return _scaled(turned, 100 * price)
    own, before = (prices[one.truth, one.predicted] for one in (candidate, baseline))
    return mean_difference(codes, size, 100 * (own - before), level, candidate.weight)


def _scaled(one: Differences, factor: float) -> Differences:
    return replace(one, value=factor * one.value, low=factor * one.low, high=factor * one.high)


def regression_differences(
    codes: Codes,
    size: int,
    candidate: RegressionRows,
    baseline: RegressionRows,
    found: tuple[Mapping[str, Estimates], Mapping[str, Estimates]],
    *,
    per_unit: float | None = None,
    level: float = 0.95,
) -> dict[str, Differences]:
    """The same for a regression; root mean squared error and R squared by influence values, quantiles unpaired."""
    truth, weights = candidate.truth, candidate.weight
    weight = np.ones(truth.size) if weights is None else weights
    first, second = candidate.predicted - truth, baseline.predicted - truth
    out = {
        "mae": mean_difference(codes, size, np.abs(first) - np.abs(second), level, weights),
        "mean_error": mean_difference(codes, size, first - second, level, weights),
    }
    if per_unit is not None:
        out["cost_per_100"] = _scaled(out["mae"], 100 * per_unit)

    def total(values: Floats) -> Floats:
        return group_sum(codes, weight * values, size)

    n = group_sum(codes, weight, size)
    root = [np.nan_to_num(ratio(0.5, n * one["rmse"].value))[codes] for one in found]
    base = [one["rmse"].value[codes] ** 2 for one in found]
    moved = (first**2 - base[0]) * root[0] - (second**2 - base[1]) * root[1]
    out["rmse"] = _influence_difference(codes, size, weight * moved, found, "rmse", level)
    mean = ratio(total(truth), n)
    apart = (truth - mean[codes]) ** 2
    whole = total(apart)
    errors = [ratio(total(one**2), whole)[codes] for one in (first, second)]
    moved = ratio((second**2 - errors[1] * apart) - (first**2 - errors[0] * apart), whole[codes])
    out["r2"] = _influence_difference(codes, size, weight * moved, found, "r2", level)
    nonzero = truth != 0
    share = np.nan_to_num(ratio(np.abs(first) - np.abs(second), np.abs(truth)))[nonzero]
    out["mape"] = mean_difference(codes[nonzero], size, share, level, None if weights is None else weights[nonzero])
    for name, _ in QUANTILES:
        out[name] = unpaired_difference(found, name)
    if candidate.tolerance is not None:
        ok, was_ok = np.abs(first) <= candidate.tolerance, np.abs(second) <= candidate.tolerance
        out["within_tolerance"] = right_difference(codes, size, ok, was_ok, level, weights)[1]
    return out


def _influence_difference(
    codes: Codes,
    size: int,
    moved: Floats,
    found: tuple[Mapping[str, Estimates], Mapping[str, Estimates]],
    name: str,
    level: float,
) -> Differences:
    value = found[0][name].value - found[1][name].value
    error = np.sqrt(group_sum(codes, np.nan_to_num(moved) ** 2, size))
    return normal_difference(value, np.where(np.isfinite(value), error, np.nan), level, "influence function")


def ranking_differences(
    codes: Codes, size: int, candidate: RankingRows, baseline: RankingRows, *, level: float = 0.95
) -> dict[str, Differences]:
    """The same for rankings, paired by query; no quality where the grouping divides a query's items."""
    groups = query_groups(codes, candidate)
    out = {}
    for name, quality in candidate.quality.items():
        apart = quality - baseline.quality[name]
        if groups is None:
            none = np.full(size, np.nan)
            out[name] = Differences(none, none, none, none, "normal, paired by query", DIVIDED)
        else:
            known = np.isfinite(apart)
            one = mean_difference(groups[known], size, apart[known], level)
            out[name] = replace(one, method="normal, paired by query", reason=NO_RELEVANT)
    for name, (value, error) in zip(EXPOSURES, exposure_differences(codes, size, candidate, baseline), strict=True):
        out[name] = normal_difference(value, error, level, "ratio of sums over queries, paired")
    return out


def verdict_find(
    value: float,
    ends: tuple[float, float],
    p_adjusted: float,
    *,
    higher_is_better: bool | None,
    margin: float | None,
    level: float = 0.95,
) -> tuple[Verdict, str | None]:
    """The word for one difference, and why when it is not a finding.

    No difference: the interval lies inside the stated margin. Better or worse: the corrected p value is at
    most 1 - level. Not proven: neither. Without a value or an interval there is not enough data.
    """
    low, high = ends
    if not (np.isfinite(value) and np.isfinite(low) and np.isfinite(high)):
        return NOT_ENOUGH_DATA, "the difference has no interval"
    if margin is not None and -margin <= low and high <= margin:
        return NO_DIFFERENCE, None
    if higher_is_better is None:
        return NOT_PROVEN, "neither direction is better by itself"
    if not np.isfinite(p_adjusted):
        return NOT_PROVEN, "this metric has no paired test"
    if p_adjusted <= 1 - level and value != 0:
        return (BETTER if (value > 0) == higher_is_better else WORSE), None
    return NOT_PROVEN, None
