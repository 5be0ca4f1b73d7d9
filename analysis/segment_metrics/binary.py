"""Two classes: from rows to counts and sums by group, and from those to sixteen metrics with intervals.

Definitions: selection rate = P(predicted positive), predicted positive = score >= threshold; F1 =
2tp/(2tp+fp+fn); log loss natural, scores kept 2.2e-16 away from 0 and 1; Brier = mean (score - truth)^2;
calibration error (ECE) over ten equal bins, bin = min(floor(10 score), 9), sum over bins of |sum of scores -
positives| / n.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import Costs
from analysis.intervals import (
    Ends,
    Floats,
    logit_normal,
    mean_normal,
    normal_z,
    ratio,
    square_and_add,
    wilson,
)
from analysis.segment_metrics.estimates import Estimates, estimates, exact
from analysis.segment_metrics.ranks import RankStatistics, rank_statistics

BINS = 200
"""Equal-width score bins that are kept, so that a threshold can be moved in steps of 0.005 without any row.
"""
ECE_BINS = 10

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BinaryRows:
    """One model's scores with what the kernels need of them, computed once for all groupings."""

    truth: Bools
    score: Floats
    threshold: float
    order: Ints
    predicted: Bools
    log_loss: Floats
    square: Floats
    bin: npt.NDArray[np.int32]
    ece_bin: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class BinaryStatistics:
    """Sufficient statistics by group (first axis): what is stored, and all that metrics are made from.

    counts int64 [G, 4] = tn, fp, fn, tp at the threshold; histogram int32 [G, BINS, 2] rows by score bin and
    truth; ece float64 [G, 10, 4] = rows, positives, sum of scores, sum of (score - truth)^2 by tenth; sums
    float64 [G, 4] = log loss, its squares, squared error, its squares; ranks float64 [G, 4] = AUC, variance,
    average precision, variance.
    """

    counts: Ints
    histogram: npt.NDArray[np.int32]
    ece: Floats
    sums: Floats
    ranks: Floats

    def take(self, groups: npt.NDArray[np.int64]) -> "BinaryStatistics":
        """The statistics of some groups."""
        return BinaryStatistics(
            self.counts[groups],
            self.histogram[groups],
            self.ece[groups],
            self.sums[groups],
            self.ranks[groups],
        )


def binary_rows(truth: Bools, score: Floats, threshold: float) -> BinaryRows:
    """Check and prepare. Raises ValueError for scores that are not probabilities."""
    if not np.isfinite(score).all() or (score.size and (score.min() < 0 or score.max() > 1)):
        raise ValueError("Every score is a probability between 0 and 1")
    tiny = np.finfo(np.float64).eps
    clipped = np.clip(score, tiny, 1 - tiny)
    loss = -np.log(np.where(truth, clipped, 1 - clipped))
    return BinaryRows(
        truth=truth,
        score=score,
        threshold=threshold,
        order=np.argsort(-score, kind="stable"),
        predicted=score >= threshold,
        log_loss=loss,
        square=(score - truth) ** 2,
        bin=score_bins(score),
        ece_bin=np.minimum(np.floor(score * ECE_BINS), ECE_BINS - 1).astype(np.int32),
    )


def score_bins(score: Floats) -> npt.NDArray[np.int32]:
    """The stored bin of each score: the last edge k / BINS that is not above it, exactly as `score >= edge`
    sees it.
    """
    guess = np.minimum(np.floor(score * BINS), BINS - 1)
    guess += (score >= (guess + 1) / BINS) & (guess < BINS - 1)
    guess -= score < guess / BINS
    return guess.astype(np.int32)


def binary_statistics(
    codes: npt.NDArray[np.int32], size: int, rows: BinaryRows, *, influence: bool = False
) -> tuple[BinaryStatistics, RankStatistics]:
    """Reduce all rows to the statistics of each group.

    Linear time apart from the one sort in `binary_rows`.
    """
    truth = rows.truth.astype(np.int32)

    def count(inner: npt.NDArray[np.int32], width: int) -> Ints:
        return np.bincount(codes * np.int64(width) + inner, minlength=size * width).reshape(size, width)

    def total(weights: Floats) -> Floats:
        return np.bincount(codes, weights=weights, minlength=size).astype(np.float64)

    cells = count(2 * truth + rows.predicted.astype(np.int32), 4)
    histogram = count(2 * rows.bin + truth, 2 * BINS).reshape(size, BINS, 2)
    tenth = codes * np.int64(ECE_BINS) + rows.ece_bin
    by_tenth = [
        np.bincount(tenth, weights=weights, minlength=size * ECE_BINS).reshape(size, ECE_BINS)
        for weights in (None, truth, rows.score, rows.square)
    ]
    sums = [total(rows.log_loss), total(rows.log_loss**2), total(rows.square), total(rows.square**2)]
    ranks = rank_statistics(codes, size, rows.truth, rows.score, rows.order, influence=influence)
    statistics = BinaryStatistics(
        counts=cells,
        histogram=histogram.astype(np.int32),
        ece=np.stack([np.asarray(part, np.float64) for part in by_tenth], axis=2),
        sums=np.stack(sums, axis=1),
        ranks=np.stack([ranks.roc_auc, ranks.auc_variance, ranks.pr_auc, ranks.ap_variance], axis=1),
    )
    return statistics, ranks


def binary_estimates(
    statistics: BinaryStatistics, *, costs: Costs | None = None, level: float = 0.95
) -> dict[str, Estimates]:
    """All metrics of all groups with intervals, from the stored statistics alone."""
    found = count_estimates(statistics.counts, costs=costs, level=level)
    n = statistics.counts.sum(axis=1)
    positives = statistics.counts[:, 2] + statistics.counts[:, 3]
    negatives = n - positives
    auc, auc_variance, ap, ap_variance = statistics.ranks.T
    loss, loss2, square, square2 = statistics.sums.T
    smaller = np.minimum(positives, negatives)
    found["roc_auc"] = estimates(
        auc,
        logit_normal(auc, np.sqrt(auc_variance), smaller, level),
        n,
        "DeLong",
        "there is only one outcome",
    )
    found["pr_auc"] = estimates(
        ap,
        logit_normal(ap, np.sqrt(ap_variance), positives, level),
        n,
        "influence function",
        "there are no actual positives",
    )
    found["log_loss"] = estimates(ratio(loss, n), _positive(mean_normal(loss, loss2, n, level)), n, "normal")
    found["brier"] = estimates(ratio(square, n), _positive(mean_normal(square, square2, n, level)), n, "normal")
    found["ece"] = _calibration_error(statistics.ece, n, level)
    return found


def count_estimates(
    counts: npt.NDArray[np.int64], *, costs: Costs | None = None, level: float = 0.95
) -> dict[str, Estimates]:
    """The metrics that depend on the threshold, from counts [G, 4] = tn, fp, fn, tp."""
    tn, fp, fn, tp = np.asarray(counts, np.int64).T
    n, positives, negatives, chosen = tn + fp + fn + tp, tp + fn, tn + fp, tp + fp

    def share(hits: Ints, of: Ints, reason: str) -> Estimates:
        return estimates(ratio(hits, of), wilson(hits, of, level), of, "Wilson", reason)

    no_positives, no_negatives = "there are no actual positives", "there are no actual negatives"
    tpr, tnr = share(tp, positives, no_positives), share(tn, negatives, no_negatives)
    found = {
        "count": exact(n, n),
        "selection_rate": share(chosen, n, "there are no rows"),
        "accuracy": share(tp + tn, n, "there are no rows"),
        "precision": share(tp, chosen, "no row is predicted positive"),
        "tpr": tpr,
        "fpr": share(fp, negatives, no_negatives),
        "fnr": share(fn, positives, no_positives),
        "tnr": tnr,
        "f1": _f1(tp, fp + fn, level),
        "balanced_accuracy": estimates(
            (tpr.value + tnr.value) / 2,
            square_and_add((tpr.value, tnr.value), ((tpr.low, tpr.high), (tnr.low, tnr.high)), (0.5, 0.5)),
            n,
            "square and add of Wilson",
            "there is only one outcome",
        ),
    }
    if costs is not None:
        found["cost_per_100"] = _cost(fp, fn, n, costs, level)
    return found


def _f1(tp: Ints, errors: Ints, level: float) -> Estimates:
    """F1 = 2j/(1+j) with j = tp/(tp+fp+fn), a share among the rows that are not true negatives: Wilson,
    transformed.
    """
    rows = tp + errors
    low, high = wilson(tp, rows, level)
    ends = (2 * low / (1 + low), 2 * high / (1 + high))
    reason = "there are neither actual nor predicted positives"
    return estimates(ratio(2 * tp, 2 * tp + errors), ends, rows, "Wilson, transformed", reason)


def _cost(fp: Ints, fn: Ints, n: Ints, costs: Costs, level: float) -> Estimates:
    """Money per 100 rows: a weighted sum of the shares of both errors, which exclude each other."""
    a, b = ratio(fp, n), ratio(fn, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        tied = -np.sqrt(a * b / ((1 - a) * (1 - b)))
    weights = (100 * costs.false_positive, 100 * costs.false_negative)
    ends = square_and_add((a, b), (wilson(fp, n, level), wilson(fn, n, level)), weights, np.nan_to_num(tied))
    return estimates(weights[0] * a + weights[1] * b, _positive(ends), n, "square and add of Wilson")


def _calibration_error(ece: Floats, n: Ints, level: float) -> Estimates:
    """ECE = sum over bins of |d_b|, d_b = (sum of scores - positives) / n, with an interval that holds at
    zero too.

    Upper end: the estimate is at least the sum of the d_b with the true signs, whose variance is at most
    Brier / n, so estimate + z sqrt(Brier / n) covers. Lower end: by the triangle inequality the estimate
    exceeds the truth by at most the sum of |error of d_b|; its quantile is that of a sum of folded normals,
    taken by two moments.
    """
    gaps = ece[:, :, 2] - ece[:, :, 1]
    value = ratio(np.abs(gaps).sum(axis=1), n)
    variance = ratio(ece[:, :, 3], (n.astype(np.float64) ** 2)[:, None])
    z = normal_z(level)
    up = z * np.sqrt(variance.sum(axis=1))
    fold = np.sqrt(2 / np.pi)
    down = fold * np.sqrt(variance).sum(axis=1) + z * np.sqrt((1 - fold**2) * variance.sum(axis=1))
    ends = (np.maximum(value - down, 0), np.minimum(value + up, 1))
    return estimates(value, ends, n, "triangle bound")


def _positive(ends: Ends) -> Ends:
    return np.maximum(ends[0], 0), ends[1]
