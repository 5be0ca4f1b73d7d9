"""Regression: sums by group and the usual errors with intervals. Error = prediction - truth."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from analysis.intervals import Counts, Floats, Level, group_sum, mean_student, normal_z, ratio, wilson
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
QUANTILES = (("median_error", 0.5), ("p90_error", 0.9))
"""Reported quantiles of the absolute error."""
BANDS = 20
"""Bands of the prediction, with as many rows each, over which the residual curve is drawn."""


@dataclass(frozen=True, slots=True)
class RegressionRows:
    """Truth and prediction per row, the distance within which a prediction counts as right and how much each row
    counts (each or None); `order` are the rows by absolute error, `band` the band of each row's prediction.
    """

    truth: Floats
    predicted: Floats
    tolerance: float | None
    order: npt.NDArray[np.int64]
    band: npt.NDArray[np.int32]
    weight: Floats | None = None


@dataclass(frozen=True, slots=True)
class RegressionStatistics:
    """By group: sums float64 [G, len(SUMS)] and variation float64 [G, 2].

    Truth sums are about the mean of all rows, which keeps them exact for truths far from zero. `variation`
    holds what R squared needs: sum of squared deviations of the truth from the group's own mean, and the
    variance of the estimate. `sizes` float64 [G, 201] are the absolute errors at every half per cent of the group's
    rows, nan without rows. `residuals` float64 [G, BANDS, 4] = rows, sum of predictions, of errors, of squared errors
    by band. With weights w all are sums of w, and `squares` float64 [G] is the sum of w^2; else None.
    """

    sums: Floats
    variation: Floats
    sizes: Floats
    residuals: Floats
    squares: Floats | None = None

    def parts(self) -> dict[str, Counts | None]:
        """Every array under its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def regression_rows(
    truth: Floats, predicted: Floats, tolerance: float | None, weight: Floats | None = None
) -> RegressionRows:
    """Check and prepare. Raises ValueError for predictions that are not finite."""
    if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        raise ValueError("Every truth and prediction is a finite number")
    order = np.argsort(np.abs(predicted - truth))
    edges = np.quantile(predicted, np.arange(1, BANDS) / BANDS) if predicted.size else np.zeros(BANDS - 1)
    band = np.searchsorted(edges, predicted, side="right").astype(np.int32)
    return RegressionRows(truth, predicted, tolerance, order, band, weight)


def regression_statistics(codes: npt.NDArray[np.int32], size: int, rows: RegressionRows) -> RegressionStatistics:
    """Reduce all rows to the sums of each group."""
    error = rows.predicted - rows.truth
    size_of = np.abs(error)
    centred = rows.truth - (rows.truth.mean() if rows.truth.size else 0.0)
    nonzero = rows.truth != 0
    share = np.nan_to_num(ratio(size_of, np.abs(rows.truth)))
    within = size_of <= rows.tolerance if rows.tolerance is not None else np.zeros(error.size)
    columns = (
        np.ones(error.size),
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
    weight = np.ones(error.size) if rows.weight is None else rows.weight
    sums = np.stack([group_sum(codes, weight * column, size) for column in columns], axis=1)
    n = sums[:, 0]
    mean = np.nan_to_num(ratio(sums[:, 9], n))
    apart = (centred - mean[codes]) ** 2
    total = group_sum(codes, weight * apart, size)
    # R squared = 1 - A/B; its influence on row i is -(e_i^2 - (A/B) d_i^2) / B.
    quotient = np.nan_to_num(ratio(sums[:, 2], total))
    moved = (error**2 - quotient[codes] * apart) ** 2
    variance = ratio(group_sum(codes, weight * moved, size), total**2)
    place = codes * np.int64(BANDS) + rows.band
    residuals = [
        group_sum(place, weight * column, size * BANDS).reshape(size, BANDS)
        for column in (np.ones(error.size), rows.predicted, error, error**2)
    ]
    return RegressionStatistics(
        sums=sums,
        variation=np.stack([total, variance], axis=1),
        sizes=_sizes(codes, size, size_of, weight, rows.order),
        residuals=np.stack(residuals, axis=2),
        squares=None if rows.weight is None else group_sum(codes, weight**2, size),
    )


SHARES = np.linspace(0, 1, 201)


def _sizes(
    codes: npt.NDArray[np.int32], size: int, size_of: Floats, weight: Floats, order: npt.NDArray[np.int64]
) -> Floats:
    """Absolute error at each of SHARES in every group: the smallest that this share of the rows (by weight) reaches.

    Rows come by rising error, so one stable sort of the codes makes each group one rising stretch.
    """
    rows = order[np.argsort(codes[order].astype(np.uint16), kind="stable")]
    ends = np.cumsum(np.bincount(codes, minlength=size))
    found = np.full((size, SHARES.size), np.nan)
    for group in range(size):
        inside = rows[(ends[group - 1] if group else 0) : ends[group]]
        if inside.size:
            reached = np.cumsum(weight[inside])
            place = np.searchsorted(reached, SHARES * reached[-1] * (1 - 1e-12))
            found[group] = size_of[inside[np.minimum(place, inside.size - 1)]]
    return found


def regression_estimates(
    statistics: RegressionStatistics,
    *,
    tolerance: float | None = None,
    per_unit: float | None = None,
    level: Level = 0.95,
) -> dict[str, Estimates]:
    """All metrics of all groups with intervals; R squared is against the group's own mean.

    With weights all sums are scaled so that each group has its effective number of rows (Kish 1965).
    """
    weighed = statistics.sums[:, 0]
    scale = np.ones(weighed.size)
    if statistics.squares is not None:
        scale = np.nan_to_num(ratio(weighed, statistics.squares))
    columns = dict(zip(SUMS, (statistics.sums * scale[:, None]).T, strict=True))
    n = columns["n"]
    total, variance = statistics.variation[:, 0] * scale, ratio(statistics.variation[:, 1], scale)
    square_low, square_high = mean_student(columns["square"], columns["fourth"], n, level)
    r2 = np.where(total > 0, 1 - ratio(columns["square"], total), np.nan)
    z = normal_z(level)
    share_n = columns["share_n"]
    absolute = mean_student(columns["absolute"], columns["square"], n, level)
    share = mean_student(columns["share"], columns["share_square"], share_n, level)
    found = {
        "count": exact(weighed, weighed),
        "mae": estimates(ratio(columns["absolute"], n), (np.maximum(absolute[0], 0), absolute[1]), n, "t"),
        "rmse": estimates(
            np.sqrt(ratio(columns["square"], n)),
            (np.sqrt(np.maximum(square_low, 0)), np.sqrt(square_high)),
            n,
            "t of the squares",
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
            mean_student(columns["error"], columns["square"], n, level),
            n,
            "t",
        ),
        "mape": estimates(
            ratio(columns["share"], share_n),
            (np.maximum(share[0], 0), share[1]),
            share_n,
            "t",
            "every truth is zero",
        ),
    }
    for name, share_of in QUANTILES:
        found[name] = _quantile(statistics.sizes, n, share_of, level)
    if per_unit is not None:
        mae, price = found["mae"], 100 * per_unit
        found["cost_per_100"] = replace(mae, value=price * mae.value, low=price * mae.low, high=price * mae.high)
    if tolerance is not None:
        within = columns["within"]
        found["within_tolerance"] = estimates(ratio(within, n), wilson(within, n, level), n, "Wilson")
    return found


def _quantile(sizes: Floats, n: Floats, share: float, level: Level) -> Estimates:
    """A quantile of the absolute error, with the distribution-free interval between two order statistics.

    They are those at the shares share -+ z sqrt(share (1 - share) / n), half a row wider (Hahn and Meeker 1991) and
    moved outwards to the next half per cent.

    Where the upper share is not below 1 no row bounds the quantile: there is a value but no interval.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        step = normal_z(level) * np.sqrt(share * (1 - share) / n) + 0.5 / n
    steps = SHARES.size - 1
    groups = np.arange(n.size)

    def at(where: Floats) -> Floats:
        return sizes[groups, np.clip(np.nan_to_num(where), 0, steps).astype(np.int64)]

    low, high = np.floor((share - step) * steps), np.ceil((share + step) * steps)
    open_end = ~((low >= 0) & (high < steps))
    value = sizes[:, round(share * steps)]
    ends = np.where(open_end, np.nan, at(low)), np.where(open_end, np.nan, at(high))
    return estimates(value, ends, n, "order statistics")


def residual_curve(residuals: Floats, level: float = 0.95) -> dict[str, list[float]]:
    """Mean prediction, mean error with Student's interval and rows of each band [BANDS, 4] of one group, as JSON."""
    n, predicted, error, square = residuals[residuals[:, 0] > 0].T
    low, high = mean_student(error, square, n, level)
    bounded = np.isfinite(low)

    def numbers(values: Floats) -> list[float]:
        return [float(f"{value:.6g}") for value in values]

    value = ratio(error, n)
    return {
        "predicted": numbers(ratio(predicted, n)),
        "error": numbers(value),
        "low": numbers(np.where(bounded, low, value)),
        "high": numbers(np.where(bounded, high, value)),
        "n": numbers(n),
    }
