"""Exact rank statistics by group: ROC AUC with DeLong's variance, average precision with its influence
function.

Rows are sorted once by falling score; a grouping then needs one stable (radix) sort of its small codes, after
which each group is one stretch of rows and each run of equal scores in it is one step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.intervals import Floats, ratio


@dataclass(frozen=True, slots=True)
class RankStatistics:
    """Per group: the two areas and their variances; nan where undefined (see `rank_statistics`).

    `auc_influence` and `ap_influence` (per row, in the caller's order, when asked for) are scaled so that the
    variance of an area is the sum of their squares over the group's rows, and the variance of the difference
    of two models on the same rows is the sum of squared differences: paired DeLong for the AUC.
    """

    roc_auc: Floats
    auc_variance: Floats
    pr_auc: Floats
    ap_variance: Floats
    auc_influence: Floats | None = None
    ap_influence: Floats | None = None


def score_order(score: Floats) -> npt.NDArray[np.int64]:
    """Row numbers by falling score, ties in row order."""
    return np.argsort(-score, kind="stable")


def rank_statistics(
    codes: npt.NDArray[np.int32],
    size: int,
    truth: npt.NDArray[np.bool_],
    score: Floats,
    order: npt.NDArray[np.int64],
    *,
    influence: bool = False,
) -> RankStatistics:
    """ROC AUC and average precision of every group, exact, ties counted half in the AUC.

    AUC is nan with one class only, its variance with fewer than 2 of a class (DeLong, DeLong and Clarke-
    Pearson 1988, sample variances with n - 1). Average precision is the step sum over distinct thresholds;
    nan without positives. Its variance is the sum of squared influence values (the linear part of how the
    area answers to each row's weight).
    """
    narrow = codes.astype(np.uint16) if size <= 0xFFFF else codes
    rows = order[np.argsort(narrow[order], kind="stable")]
    group, s, y = codes[rows], score[rows], truth[rows]
    if rows.size == 0:
        empty = np.full(size, np.nan)
        none = np.zeros(0) if influence else None
        return RankStatistics(empty, empty, empty, empty, none, none)
    fresh = np.empty(rows.size, np.bool_)
    fresh[0] = True
    np.not_equal(s[1:], s[:-1], out=fresh[1:])
    fresh[1:] |= group[1:] != group[:-1]
    starts = np.flatnonzero(fresh)
    length = np.diff(starts, append=rows.size)
    owner = group[starts]
    t = np.add.reduceat(y.astype(np.int64), starts)
    f = length - t

    m = np.bincount(owner, weights=t, minlength=size)
    k = np.bincount(owner, weights=f, minlength=size)
    above_p = np.cumsum(t) - t - (np.cumsum(m) - m)[owner].astype(np.int64)
    above_n = np.cumsum(f) - f - (np.cumsum(k) - k)[owner].astype(np.int64)

    def total(weights: Floats) -> Floats:
        return np.bincount(owner, weights=weights, minlength=size).astype(np.float64)

    m_run, k_run = m[owner], k[owner]
    worse = 1 - ratio(above_n + f / 2, k_run)  # share of negatives that a positive of this run beats
    beaten = ratio(above_p + t / 2, m_run)  # share of positives that beat a negative of this run
    auc = ratio(total(np.where(f > 0, f * np.nan_to_num(beaten), 0.0)), k)
    auc = np.where((m > 0) & (k > 0), auc, np.nan)
    gap_p, gap_n = np.nan_to_num(worse - auc[owner]), np.nan_to_num(beaten - auc[owner])
    scale_p, scale_n = np.sqrt(m * (m - 1)), np.sqrt(k * (k - 1))
    pos_auc, neg_auc = (
        np.nan_to_num(ratio(gap_p, scale_p[owner])),
        np.nan_to_num(ratio(gap_n, scale_n[owner])),
    )
    auc_variance = total(t * pos_auc**2 + f * neg_auc**2)
    auc_variance = np.where((m > 1) & (k > 1), auc_variance, np.nan)

    p_in, n_in = above_p + t, above_n + f
    both = p_in + n_in
    precision = p_in / both
    ap = np.where(m > 0, ratio(total(t * precision), m), np.nan)
    # A further row at this run changes the precision of this run and of all later ones of its group.
    after_p = _rest_of_group(t * n_in / both**2, owner, size)
    after_n = _rest_of_group(t * p_in / both**2, owner, size)
    pos_ap = np.nan_to_num(ratio(precision + after_p - ap[owner], m_run))
    neg_ap = np.nan_to_num(ratio(-after_n, m_run))
    ap_variance = np.where(m > 1, total(t * pos_ap**2 + f * neg_ap**2), np.nan)

    if not influence:
        return RankStatistics(auc, auc_variance, ap, ap_variance)
    auc_rows, ap_rows = np.empty(rows.size), np.empty(rows.size)
    auc_rows[rows] = np.where(y, np.repeat(pos_auc, length), np.repeat(neg_auc, length))
    ap_rows[rows] = np.where(y, np.repeat(pos_ap, length), np.repeat(neg_ap, length))
    return RankStatistics(auc, auc_variance, ap, ap_variance, auc_rows, ap_rows)


def _rest_of_group(steps: Floats, owner: npt.NDArray[np.int32], size: int) -> Floats:
    """For each run, the sum over it and all later runs of its group."""
    running = np.cumsum(steps)
    whole = np.bincount(owner, weights=steps, minlength=size).astype(np.float64)
    before_group = (np.cumsum(whole) - whole)[owner]
    rest: Floats = whole[owner] - (running - steps - before_group)
    return rest
