"""Regression: sums by group and the usual errors with intervals. Error = prediction - truth."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.intervals import Floats, mean_normal, normal_z, ratio, wilson
from analysis.segment_metrics.estimates import Estimates, estimates, exact

SUMS = (
    "n",
    "error",
    "square",
    "fourth",
    "absolute",
    "share",
    "share_square",
    "share_n",
    "within",
    "truth",
    "truth_square",
)
"""Columns of the stored sums; `share` is |error / truth| over the `share_n` rows whose truth is not zero."""


@dataclass(frozen=True, slots=True)
class RegressionRows:
    """Truth and prediction per row, and the distance within which a prediction counts as right (or None)."""

    truth: Floats
    predicted: Floats
    tolerance: float | None


@dataclass(frozen=True, slots=True)
class RegressionStatistics:
    """By group: sums float64 [G, len(SUMS)] and variation float64 [G, 2].

    Truth sums are about the mean of all rows, which keeps them exact for truths far from zero. `variation`
    holds what R squared needs: sum of squared deviations of the truth from the group's own mean, and the
    variance of the estimate.
    """

    sums: Floats
    variation: Floats


def regression_rows(truth: Floats, predicted: Floats, tolerance: float | None) -> RegressionRows:
    """Check and prepare. Raises ValueError for predictions that are not finite."""
    if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        raise ValueError("Every truth and prediction is a finite number")
    return RegressionRows(truth, predicted, tolerance)


def regression_statistics(codes: npt.NDArray[np.int32], size: int, rows: RegressionRows) -> RegressionStatistics:
    """Reduce all rows to the sums of each group."""
    error = rows.predicted - rows.truth
    size_of = np.abs(error)
    centred = rows.truth - (rows.truth.mean() if rows.truth.size else 0.0)
    nonzero = rows.truth != 0
    share = np.nan_to_num(ratio(size_of, np.abs(rows.truth)))
    within = size_of <= rows.tolerance if rows.tolerance is not None else np.zeros(error.size)
    columns = (
        None,
        error,
        error**2,
        error**4,
        size_of,
        share,
        share**2,
        nonzero,
        within,
        centred,
        centred**2,
    )
    sums = np.stack([_total(codes, size, column) for column in columns], axis=1)
    n = sums[:, 0]
    mean = np.nan_to_num(ratio(sums[:, 9], n))
    apart = (centred - mean[codes]) ** 2
    total = _total(codes, size, apart)
    # R squared = 1 - A/B; its influence on row i is -(e_i^2 - (A/B) d_i^2) / B.
    quotient = np.nan_to_num(ratio(sums[:, 2], total))
    moved = (error**2 - quotient[codes] * apart) ** 2
    variance = ratio(_total(codes, size, moved), total**2)
    return RegressionStatistics(sums, np.stack([total, variance], axis=1))


def regression_estimates(
    statistics: RegressionStatistics,
    *,
    tolerance: float | None = None,
    per_unit: float | None = None,
    level: float = 0.95,
) -> dict[str, Estimates]:
    """All metrics of all groups with intervals; R squared is against the group's own mean."""
    columns = dict(zip(SUMS, statistics.sums.T, strict=True))
    n = columns["n"]
    total, variance = statistics.variation.T
    square_low, square_high = mean_normal(columns["square"], columns["fourth"], n, level)
    r2 = np.where(total > 0, 1 - ratio(columns["square"], total), np.nan)
    z = normal_z(level)
    share_n = columns["share_n"]
    absolute = mean_normal(columns["absolute"], columns["square"], n, level)
    share = mean_normal(columns["share"], columns["share_square"], share_n, level)
    found = {
        "count": exact(n, n),
        "mae": estimates(ratio(columns["absolute"], n), (np.maximum(absolute[0], 0), absolute[1]), n, "normal"),
        "rmse": estimates(
            np.sqrt(ratio(columns["square"], n)),
            (np.sqrt(np.maximum(square_low, 0)), np.sqrt(square_high)),
            n,
            "normal for the squares",
        ),
        "r2": estimates(
            r2,
            (r2 - z * np.sqrt(variance), np.minimum(r2 + z * np.sqrt(variance), 1)),
            n,
            "delta method",
            "the truth does not vary",
        ),
        "mean_error": estimates(
            ratio(columns["error"], n),
            mean_normal(columns["error"], columns["square"], n, level),
            n,
            "normal",
        ),
        "mape": estimates(
            ratio(columns["share"], share_n),
            (np.maximum(share[0], 0), share[1]),
            share_n,
            "normal",
            "every truth is zero",
        ),
    }
    if per_unit is not None:
        mae, price = found["mae"], 100 * per_unit
        found["cost_per_100"] = replace(mae, value=price * mae.value, low=price * mae.low, high=price * mae.high)
    if tolerance is not None:
        within = columns["within"]
        found["within_tolerance"] = estimates(ratio(within, n), wilson(within, n, level), n, "Wilson")
    return found


def _total(codes: npt.NDArray[np.int32], size: int, values: npt.ArrayLike | None) -> Floats:
    if values is None:
        return np.bincount(codes, minlength=size).astype(np.float64)
    return np.bincount(codes, weights=np.asarray(values, np.float64), minlength=size).astype(np.float64)
