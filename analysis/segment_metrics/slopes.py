"""How functions of two-class counts answer to one more row in each cell: what the delta method is made of.

Counts are float [G, 2, 2] by truth and by what the model says. Every function here stays the same when all counts are
scaled, so the derivatives weighted by the counts sum to zero: they are influence values without further centring, and
the variance of the function is the sum over the cells of the count (with weights, the sum of squared weights) times
the squared derivative.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from analysis.contracts.costs import Costs
from analysis.intervals import Counts, Floats, ratio

Slope: TypeAlias = Callable[[Counts], Floats]


def precision_slope(counts: Counts) -> Floats:
    """tp / (tp + fp)."""
    chosen = counts[:, 0, 1] + counts[:, 1, 1]
    share = ratio(counts[:, 1, 1], chosen)
    return _cells(counts, {(0, 1): ratio(-share, chosen), (1, 1): ratio(1 - share, chosen)})


def npv_slope(counts: Counts) -> Floats:
    """tn / (tn + fn)."""
    left = counts[:, 0, 0] + counts[:, 1, 0]
    share = ratio(counts[:, 0, 0], left)
    return _cells(counts, {(1, 0): ratio(-share, left), (0, 0): ratio(1 - share, left)})


def f1_slope(counts: Counts) -> Floats:
    """2 tp / (2 tp + fp + fn)."""
    both = 2 * counts[:, 1, 1] + counts[:, 0, 1] + counts[:, 1, 0]
    value = ratio(2 * counts[:, 1, 1], both)
    wrong = ratio(-value, both)
    return _cells(counts, {(0, 1): wrong, (1, 0): wrong, (1, 1): ratio(2 - 2 * value, both)})


def balanced_slope(counts: Counts) -> Floats:
    """Mean of tp / (tp + fn) and tn / (tn + fp)."""
    parts = {}
    for truth in (0, 1):
        rows = counts[:, truth].sum(axis=1)
        right = ratio(counts[:, truth, truth], rows)
        parts[(truth, truth)] = ratio(1 - right, 2 * rows)
        parts[(truth, 1 - truth)] = ratio(-right, 2 * rows)
    return _cells(counts, parts)


def mcc_value(counts: Counts) -> Floats:
    """(tp tn - fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn)) (Matthews 1975); nan with an empty margin."""
    tn, fp, fn, tp = _four(counts)
    return ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn)))


def mcc_slope(counts: Counts) -> Floats:
    """Of `mcc_value`."""
    tn, fp, fn, tp = _four(counts)
    chosen, positives, negatives, left = tp + fp, tp + fn, tn + fp, tn + fn
    root = np.sqrt(chosen * positives) * np.sqrt(negatives * left)
    half = mcc_value(counts) / 2
    parts = {
        (1, 1): ratio(tn, root) - half * (ratio(1, chosen) + ratio(1, positives)),
        (0, 0): ratio(tp, root) - half * (ratio(1, negatives) + ratio(1, left)),
        (0, 1): ratio(-fn, root) - half * (ratio(1, chosen) + ratio(1, negatives)),
        (1, 0): ratio(-fp, root) - half * (ratio(1, positives) + ratio(1, left)),
    }
    return _cells(counts, parts)


def lift_value(counts: Counts) -> Floats:
    """Precision over prevalence, tp n / ((tp + fp)(tp + fn)); nan without predicted or actual positives."""
    tn, fp, fn, tp = _four(counts)
    return ratio(ratio(tp, tp + fp), ratio(tp + fn, tn + fp + fn + tp))


def lift_slope(counts: Counts) -> Floats:
    """Of `lift_value`."""
    tn, fp, fn, tp = _four(counts)
    n, chosen, positives = tn + fp + fn + tp, tp + fp, tp + fn
    value = lift_value(counts)
    still = ratio(value, n)
    parts = {
        (1, 1): ratio(n, chosen * positives) + still - ratio(value, chosen) - ratio(value, positives),
        (0, 1): still - ratio(value, chosen),
        (1, 0): still - ratio(value, positives),
        (0, 0): still,
    }
    return _cells(counts, parts)


def cost_slope(costs: Costs) -> Slope:
    """Money per 100 rows."""
    prices = (costs.false_positive, costs.false_negative)

    def slope(counts: Counts) -> Floats:
        n = counts.sum(axis=(1, 2))
        mean = ratio(prices[0] * counts[:, 0, 1] + prices[1] * counts[:, 1, 0], n)
        still = ratio(-100 * mean, n)
        parts = {
            (0, 0): still,
            (1, 1): still,
            (0, 1): ratio(100 * (prices[0] - mean), n),
            (1, 0): ratio(100 * (prices[1] - mean), n),
        }
        return _cells(counts, parts)

    return slope


def numeric_slope(function: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Slope:
    """Of a function of tn, fp, fn, tp that is unchanged when all are scaled: central differences, one side at zero."""

    def slope(counts: Counts) -> Floats:
        given = np.asarray(counts, np.float64)
        step = np.maximum(given.sum(axis=(1, 2)), 1) * 1e-6
        parts = {}
        for truth in (0, 1):
            for word in (0, 1):
                up, down = given.copy(), given.copy()
                up[:, truth, word] += step
                down[:, truth, word] = np.maximum(down[:, truth, word] - step, 0)
                change = function(*_four(up)) - function(*_four(down))
                parts[(truth, word)] = ratio(change, up[:, truth, word] - down[:, truth, word])
        return _cells(counts, parts)

    return slope


def count_slopes(costs: Costs | None) -> dict[str, Slope]:
    """The metrics whose differences take the delta method on paired counts."""
    slopes: dict[str, Slope] = {
        "precision": precision_slope,
        "npv": npv_slope,
        "f1": f1_slope,
        "balanced_accuracy": balanced_slope,
        "mcc": mcc_slope,
        "lift": lift_slope,
    }
    if costs is not None:
        slopes["cost_per_100"] = cost_slope(costs)
    return slopes


def slope_error(counts: Counts, squares: Counts, slope: Slope) -> Floats:
    """Standard error by the delta method: `squares` are the counts themselves, or the sums of squared weights."""
    variance: Floats = (np.asarray(squares, np.float64) * slope(counts) ** 2).sum(axis=(1, 2))
    return np.sqrt(variance)


def _four(counts: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    given = np.asarray(counts, np.float64)
    return given[:, 0, 0], given[:, 0, 1], given[:, 1, 0], given[:, 1, 1]


def _cells(counts: Counts, parts: Mapping[tuple[int, int], Floats]) -> Floats:
    slope = np.zeros(counts.shape)
    for (truth, word), value in parts.items():
        slope[:, truth, word] = value
    return slope
