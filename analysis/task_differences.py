"""Candidate against baseline for many classes, numbers and rankings; `compare` has what all tasks share."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from analysis.compare import (
    Codes,
    Differences,
    PairedTable,
    mean_difference,
    normal_difference,
    right_difference,
    unpaired_difference,
)
from analysis.contracts.metrics import EXPOSURES, TOP_K
from analysis.intervals import Counts, Floats, group_sum, ratio
from analysis.segment_metrics.estimates import Estimates
from analysis.segment_metrics.multiclass import MEANS, MulticlassRows, influence_cells, single_price
from analysis.segment_metrics.ranking import DIVIDED, NO_RELEVANT, RankingRows, exposure_differences, query_groups
from analysis.segment_metrics.regression import QUANTILES, RegressionRows


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
            out[name] = Differences(none, none, none, none, "t, paired by query", DIVIDED)
        else:
            known = np.isfinite(apart)
            one = mean_difference(groups[known], size, apart[known], level)
            out[name] = replace(one, method="t, paired by query", reason=NO_RELEVANT)
    for name, (value, error) in zip(EXPOSURES, exposure_differences(codes, size, candidate, baseline), strict=True):
        out[name] = normal_difference(value, error, level, "ratio of sums over queries, paired")
    return out
