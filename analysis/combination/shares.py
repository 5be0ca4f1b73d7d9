"""Sums over coalitions, taken per row, and their values with intervals in the groups of a grouping."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.compare import mcnemar
from analysis.ensembles import shapley_values
from analysis.intervals import Floats, group_sum, logit_normal, normal_p, normal_z, paired_shares, ratio, wilson

Codes = npt.NDArray[np.int32]
Order: TypeAlias = npt.NDArray[np.int32]
Part: TypeAlias = tuple[Floats, Order | None]
"""Of one coalition: scores and the order of the rows by them, or squared errors without an order."""
SHARES = frozenset({"accuracy", "fpr", "fnr"})
"""Metrics that are shares of rows."""


def wanted_sums(count: int) -> Floats:
    """What is asked of the 2^M coalitions, as sums: [3 + 3 M, 2^M]. Together, without, all less the first alone, then
    of each member alone, leave-one-out, Shapley.
    """
    everyone = (1 << count) - 1
    unit = np.eye(1 << count)
    alone = [unit[1 << at] for at in range(count)]
    lost = [unit[everyone] - unit[everyone ^ 1 << at] for at in range(count)]
    # Shapley values are linear in what the coalitions have: their weights are the values of the unit vectors.
    shapley = np.stack([shapley_values(one, count) for one in unit], axis=1)
    return np.stack([unit[everyone], unit[0], unit[everyone] - unit[1], *alone, *lost, *shapley])


@dataclass(frozen=True, slots=True)
class Measured:
    """Of each wanted sum [K] in each group [G]: value and ends (nan where there is none), p of no difference, rows."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    n: npt.NDArray[np.int64]
    method: tuple[str, ...]


def means_measure(
    metric: str, values: Floats, codes: Codes, size: int, weights: Floats | None, level: float, count: int
) -> Measured:
    """Of a metric that is a mean over rows: `values` [K, n] are the wanted sums of each row, nan where left out."""
    held = np.isfinite(values[0])
    codes, values = codes[held], values[:, held]
    weight = np.ones(codes.size) if weights is None else weights[held]
    total, squares = group_sum(codes, weight, size), group_sum(codes, weight**2, size)
    effective = ratio(total**2, squares)
    value = np.stack([ratio(group_sum(codes, weight * one, size), total) for one in values])
    pairs = zip(values, value, strict=True)
    apart = [group_sum(codes, (weight * (one - mean[codes])) ** 2, size) for one, mean in pairs]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(effective > 1, np.stack(apart) * effective / (effective - 1) / total**2, np.nan)
    low, high, p, method = _normal(value, np.sqrt(variance), level)
    if metric in SHARES:
        # Shares keep to the intervals that the report has for them; what a member adds is paired by row.
        for at in (0, 1, *range(3, 3 + count)):
            low[at], high[at] = wilson(value[at] * effective, effective, level)
            method[at] = "Wilson"
        if weights is None:
            for at in (2, *range(3 + count, 3 + 2 * count)):
                more, less = (group_sum(codes, sign, size) for sign in (values[at] > 0, values[at] < 0))
                low[at], high[at] = paired_shares(more, less, total, level)
                p[at] = np.where(more + less > 0, np.nan_to_num(mcnemar(more, less), nan=1.0), 1.0)
                p[at] = np.where(total > 0, p[at], np.nan)
                method[at] = "Bonett-Price"
    return Measured(value, low, high, p, np.bincount(codes, minlength=size), tuple(method))


def influences_measure(
    metric: str, coalitions: Iterable[Part], wanted: Floats, truth: npt.NDArray[np.generic], codes: Codes, size: int,
    weights: Floats | None, level: float, count: int,
) -> Measured:  # fmt: skip
    """Of a metric that is no mean: `coalitions` gives each one's scores with the order of the rows by them (ROC AUC),
    or squared errors (root of their mean); their influence values take the place of values per row.
    """
    weight = np.ones(codes.size) if weights is None else weights
    value, influence = np.zeros((len(wanted), size)), np.zeros((len(wanted), codes.size))
    positive, small = truth.astype(np.bool_), codes.astype(np.uint16) if size < 1 << 16 else codes
    for place, (one, order) in enumerate(coalitions):
        if order is not None:
            found, part = _area(one, order, positive, weight, small, size)
        else:
            found, part = _root(one, weight, codes, size)
        for at in np.flatnonzero(wanted[:, place]):
            value[at] += wanted[at, place] * found
            influence[at] += wanted[at, place] * part
    variance = np.stack([group_sum(codes, one**2, size) for one in influence])
    low, high, p, method = _normal(value, np.sqrt(variance), level)
    if metric == "roc_auc":
        positives = np.bincount(codes[truth.astype(np.bool_)], minlength=size)
        smaller = np.minimum(positives, np.bincount(codes, minlength=size) - positives)
        for at in (0, 1, *range(3, 3 + count)):
            low[at], high[at] = logit_normal(value[at], np.sqrt(variance[at]), smaller, level)
    name = "DeLong" if metric == "roc_auc" else "delta method"
    return Measured(value, low, high, p, np.bincount(codes, minlength=size), tuple(name for _ in method))


def _normal(value: Floats, error: Floats, level: float) -> tuple[Floats, Floats, Floats, list[str]]:
    """Where no row differs the error is 0 and says nothing: then there are no ends, and the p value is 1."""
    half = np.where(error > 0, normal_z(level) * error, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0, value / error, np.where(np.isfinite(error), 0.0, np.nan))
    p = normal_p(z).reshape(value.shape)
    return value - half, value + half, p, ["normal" for _ in value]


def _area(
    scores: Floats,
    order: Order,
    positive: npt.NDArray[np.bool_],
    weight: Floats,
    codes: npt.NDArray[np.integer],
    size: int,
) -> tuple[Floats, Floats]:
    """ROC AUC of each group and the influence of each row, scaled so that their squares sum to DeLong's variance."""
    if size > 1:
        # Of codes of two bytes a stable sort counts, and takes one pass.
        order = order[np.argsort(codes[order], kind="stable")]
    group, score, true, w = codes[order], scores[order], positive[order], weight[order]
    starts = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]) | (score[1:] != score[:-1])])
    run = np.repeat(np.arange(starts.size), np.diff(np.r_[starts, group.size]))
    good, bad = np.where(true, w, 0.0), np.where(true, 0.0, w)
    of_run = [np.add.reduceat(one, starts) if starts.size else np.zeros(0) for one in (good, bad)]
    totals = [group_sum(group, one, size) for one in (good, bad)]
    first = group[starts]
    before = []
    for one, total in zip(of_run, totals, strict=True):
        earlier = np.cumsum(total) - total
        before.append(np.cumsum(one) - one - earlier[first])
    below = ratio(before[1][run] + of_run[1][run] / 2, totals[1][group])
    above = ratio(totals[0][group] - before[0][run] - of_run[0][run] / 2, totals[0][group])
    place = np.where(true, below, above)
    found = ratio(group_sum(group, np.where(true, w * place, 0.0), size), totals[0])
    squares = [group_sum(group, one**2, size) for one in (good, bad)]
    effective = [ratio(total**2, square) for total, square in zip(totals, squares, strict=True)]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = [
            np.where(n > 1, np.sqrt(n / (n - 1)), np.nan) / total for n, total in zip(effective, totals, strict=True)
        ]
    influence = np.empty(order.size)
    influence[order] = w * (place - found[group]) * np.where(true, scale[0][group], scale[1][group])
    return found, influence


def _root(squared: Floats, weight: Floats, codes: Codes, size: int) -> tuple[Floats, Floats]:
    total = group_sum(codes, weight, size)
    mean = ratio(group_sum(codes, weight * squared, size), total)
    effective = ratio(total**2, group_sum(codes, weight**2, size))
    found = np.sqrt(mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where((effective > 1) & (found > 0), np.sqrt(effective / (effective - 1)) / (2 * found * total), 0.0)
    return found, weight * (squared - mean[codes]) * scale[codes]
