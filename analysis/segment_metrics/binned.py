"""Areas from score bins, where there are no rows to sort, with bounds that cannot be exceeded; numpy only."""

import numpy as np

from analysis.intervals import Counts, Floats, ratio, weighted_spread
from analysis.segment_metrics.binary import BINS, BinaryStatistics


def ranks_of_bins(statistics: BinaryStatistics) -> BinaryStatistics:
    """The statistics with both areas from the histogram [G, bins, 2], and that histogram in BINS.

    Rows of one bin count as tied. With t positives and f negatives in bin b, m and k in all, the AUC is then off by at
    most sum of t_b f_b / (2 m k): each pair in a bin counts a half instead of 0 or 1. Average precision is least when
    every bin has its negatives first and its positives apart, and most when it has its positives first and tied; the
    value is the middle of both and the bound half their distance. Variances are those of the tied scores.
    """
    histogram = np.asarray(statistics.histogram, np.float64)
    squares = histogram if statistics.histogram_squares is None else statistics.histogram_squares
    f, t = histogram[:, ::-1].transpose(2, 0, 1)
    f2, t2 = squares[:, ::-1].transpose(2, 0, 1)
    m, k = t.sum(axis=1), f.sum(axis=1)
    m2, k2 = t2.sum(axis=1), f2.sum(axis=1)
    p, n = np.cumsum(t, axis=1), np.cumsum(f, axis=1)
    b, a = p - t / 2, n - f / 2

    auc = ratio((f * b).sum(axis=1), m * k)
    of_positives = weighted_spread((t2 * a * a).sum(axis=1), (t2 * a).sum(axis=1), m2, k * (1 - auc), m)
    of_negatives = weighted_spread((f2 * b * b).sum(axis=1), (f2 * b).sum(axis=1), k2, m * auc, k)
    variance = ratio(of_positives, k**2) + ratio(of_negatives, m**2)
    auc_bound = ratio((t * f).sum(axis=1), 2 * m * k)

    worst = _precision_sums(p - t, n, t)
    if statistics.squares is not None:
        # Weighted rows can be as small as one likes: the first of them finds no positive of its bin above it.
        worst = t * np.nan_to_num(ratio(p - t, p - t + n))
    best = t * np.nan_to_num(ratio(p, p + n - f))
    low, high = ratio(worst.sum(axis=1), m), ratio(best.sum(axis=1), m)
    ap = (low + high) / 2
    both = np.where(p + n > 0, p + n, 1)
    falls, shares = t * n / both**2, t * p / both**2
    after = falls[:, ::-1].cumsum(axis=1)[:, ::-1]
    beneath = shares[:, ::-1].cumsum(axis=1)[:, ::-1]
    gap = p / both + after - ratio((t * p / both).sum(axis=1), m)[:, None]
    ap_variance = ratio((t2 * gap**2).sum(axis=1) + (f2 * beneath**2).sum(axis=1), m**2)
    return BinaryStatistics(
        counts=statistics.counts,
        histogram=_coarse(statistics.histogram),
        ece=statistics.ece,
        sums=statistics.sums,
        ranks=np.stack([auc, variance, ap, np.where(m2 < m**2, ap_variance, np.nan)], axis=1),
        squares=statistics.squares,
        histogram_squares=None if statistics.histogram_squares is None else _coarse(statistics.histogram_squares),
        sum_squares=statistics.sum_squares,
        rank_bounds=np.stack([auc_bound, (high - low) / 2], axis=1),
    )


def _precision_sums(p: Floats, n: Floats, t: Floats) -> Floats:
    """Sum over j = 1..t of (p + j) / (p + n + j), for whole t: t - n (psi(p + n + t + 1) - psi(p + n + 1))."""
    total: Floats = t - n * (_digamma(p + n + t + 1) - _digamma(p + n + 1))
    return total


def _digamma(x: Floats) -> Floats:
    """The logarithmic derivative of the gamma function for x > 0: eight steps up, then its asymptotic series."""
    raised = x + 8
    square = 1 / raised**2
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    value: Floats = np.log(raised) - 1 / (2 * raised) - series
    for step in range(8):
        value = value - 1 / (x + step)
    return value


def _coarse(histogram: Counts) -> Counts:
    size, bins, _ = histogram.shape
    coarse: Counts = histogram.reshape(size, BINS, bins // BINS, 2).sum(axis=2)
    return coarse
