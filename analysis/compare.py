"""Candidate against baseline on the same rows: paired tables, tests and differences by group.

A difference is candidate minus baseline. Shares of the same rows (accuracy, recall, ...) get McNemar's exact
test and Bonett and Price's interval; precision, F1 and other functions of counts the delta method on the
eight cells of (truth, candidate's word, baseline's word); areas the sum of squared differences of influence
values (paired DeLong for the ROC AUC); losses Student's interval of the mean difference per row. All p
values of a report make one family.

A mean over rows of two classes is two means, whose sum has at least as many degrees of freedom as the smaller class has
rows less one (B. L. Welch, Biometrika 34 (1947) 28-35); so many are taken for the log loss, of which few rows of
the rare class carry most. Average precision rests on the positives: their number less one, and their variance with
m / (m - 1). By the normal alone 95 % intervals held 91 % with 15 positives, 93 % with 30 (tests/test_cover_pairs.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, stdtr, stdtrit

from analysis.contracts.costs import Costs
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


def student_difference(value: Floats, error: Floats, free: Floats, level: float, method: str) -> Differences:
    """Difference with a standard error of so many degrees of freedom; nan ends below one of them."""
    known = free >= 1
    safe = np.where(known, free, 1.0)
    t = stdtrit(safe, 0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where((error == 0) & (value == 0), 0.0, value / error)
        p = 2 * stdtr(safe, -np.abs(moved))
    told = known & np.isfinite(value) & np.isfinite(error)
    ends = np.where(told, value - t * error, np.nan), np.where(told, value + t * error, np.nan)
    return Differences(value, *ends, np.where(told, p, np.nan), method)


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
    negatives, positives = _class_rows(paired)
    apart = {name: found[0][name].value - found[1][name].value for name in ("roc_auc", "pr_auc")}
    out["roc_auc"] = normal_difference(apart["roc_auc"], np.sqrt(paired.variances[:, 0]), level, "paired DeLong")
    with np.errstate(invalid="ignore"):
        error = np.sqrt(paired.variances[:, 1] * np.where(positives > 1, ratio(positives, positives - 1), np.nan))
    out["pr_auc"] = student_difference(
        apart["pr_auc"], error, positives - 1, level, "paired influence function, t by positives"
    )
    for index, name in enumerate(("log_loss", "brier")):
        rows = np.minimum(negatives, positives) if name == "log_loss" else negatives + positives
        out[name] = _paired_mean(paired, index, rows - 1, level)
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


def _class_rows(paired: PairedStatistics) -> tuple[Floats, Floats]:
    """Rows of truth 0 and of truth 1 in every group; with weights the effective number."""
    rows, squares = paired.cells.sum(axis=(2, 3)), paired.squares.sum(axis=(2, 3))
    both: Floats = np.asarray(np.nan_to_num(ratio(rows**2, squares)) if paired.weighted else rows, np.float64)
    return both[:, 0], both[:, 1]


def _paired_mean(paired: PairedStatistics, index: int, free: Floats, level: float) -> Differences:
    total, first, second, squares = paired.losses[:, index].T
    n = paired.cells.sum(axis=(1, 2, 3))
    value = ratio(total, n)
    error = np.sqrt(weighted_spread(second, first, squares, value, n))
    # A group of one class has one mean, with all of its rows.
    alone = np.nan_to_num(ratio(n**2, squares)) - 1
    return student_difference(value, error, np.where(free < 0, alone, free), level, "t, paired by row")


def mean_difference(
    codes: Codes, size: int, per_row: Floats, level: float, weights: Floats | None = None
) -> Differences:
    """Difference of two means over the same rows, from the difference of each row."""
    if weights is None:
        n = np.bincount(codes, minlength=size)
        total = np.bincount(codes, weights=per_row, minlength=size)
        squares = np.bincount(codes, weights=per_row**2, minlength=size)
        value, error = mean_error(total, squares, n)
        return student_difference(value, error, np.asarray(n - 1, np.float64), level, "t, paired by row")
    heavy = weights**2
    sums = [weights, weights * per_row, heavy, heavy * per_row, heavy * per_row**2]
    weighed, moved, zeroth, first, second = (group_sum(codes, one, size) for one in sums)
    value = ratio(moved, weighed)
    error = np.sqrt(weighted_spread(second, first, zeroth, value, weighed))
    free: Floats = np.asarray(np.nan_to_num(ratio(weighed**2, zeroth)) - 1, np.float64)
    return student_difference(value, error, free, level, "t, paired by row")


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
