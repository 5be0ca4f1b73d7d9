"""Many classes: confusion counts by group and what follows from them, one class against the rest included."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import ClassCosts
from analysis.contracts.metrics import CLASS_PRECISION, CLASS_RECALL
from analysis.intervals import Floats, mean_normal, normal_z, ratio, wilson
from analysis.segment_metrics.estimates import Estimates, estimates, exact

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MulticlassRows:
    """Truth and prediction as class numbers per row; `log_loss` is None when the model gives no
    probabilities.
    """

    truth: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]
    classes: int
    log_loss: Floats | None


@dataclass(frozen=True, slots=True)
class MulticlassStatistics:
    """By group: confusion int64 [G, K, K] (truth by prediction), sums float64 [G, 2] of log loss and its
    squares.

    The sums are nan without probabilities.
    """

    confusion: Ints
    sums: Floats


def multiclass_rows(
    truth: npt.NDArray[np.int32],
    classes: int,
    probabilities: Floats | None,
    predicted: npt.NDArray[np.int32] | None,
) -> MulticlassRows:
    """Check and prepare: `probabilities` [n, K] (prediction = the first highest) or `predicted` [n].

    Raises ValueError when neither is given or probabilities do not sum to 1 (within 1e-3; they are
    normalised).
    """
    if probabilities is None:
        if predicted is None:
            raise ValueError("Many classes need probabilities or predictions")
        return MulticlassRows(truth, predicted, classes, None)
    if probabilities.shape != (truth.size, classes):
        raise ValueError(f"Probabilities are one row per row and {classes} columns, not {probabilities.shape}")
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise ValueError("Every probability is zero or more")
    total = probabilities.sum(axis=1)
    if np.abs(total - 1).max(initial=0) > 1e-3:
        raise ValueError("The probabilities of a row sum to 1")
    tiny = np.finfo(np.float64).eps
    given = probabilities[np.arange(truth.size), truth] / total
    loss = -np.log(np.clip(given, tiny, 1 - tiny))
    chosen = np.argmax(probabilities, axis=1).astype(np.int32) if predicted is None else predicted
    return MulticlassRows(truth, chosen, classes, loss)


def multiclass_statistics(codes: npt.NDArray[np.int32], size: int, rows: MulticlassRows) -> MulticlassStatistics:
    """Reduce all rows to the statistics of each group."""
    k = rows.classes
    cell = (codes * np.int64(k) + rows.truth) * k + rows.predicted
    confusion = np.bincount(cell, minlength=size * k * k).reshape(size, k, k)
    if rows.log_loss is None:
        return MulticlassStatistics(confusion, np.full((size, 2), np.nan))
    sums = [np.bincount(codes, weights=loss, minlength=size) for loss in (rows.log_loss, rows.log_loss**2)]
    return MulticlassStatistics(confusion, np.stack(sums, axis=1))


def multiclass_estimates(
    statistics: MulticlassStatistics, classes: tuple[str, ...], *, prices: Floats | None = None, level: float = 0.95
) -> dict[str, Estimates]:
    """All metrics of all groups with intervals.

    A mean over classes takes the classes that occur in the group (as truth, or for precision and F1 as truth
    or prediction); a class that is there but never predicted has precision 0 in those means, as in scikit-
    learn.
    """
    confusion = statistics.confusion
    n = confusion.sum(axis=(1, 2))
    right = np.diagonal(confusion, axis1=1, axis2=2)
    actual, chosen = confusion.sum(axis=2), confusion.sum(axis=1)
    recall, precision = ratio(right, actual), ratio(right, chosen)
    hits = right.sum(axis=1)
    found = {
        "count": exact(n, n),
        "accuracy": estimates(ratio(hits, n), wilson(hits, n, level), n, "Wilson"),
    }
    for name, value in aggregate_values(confusion).items():
        error = np.sqrt(influence_variance(confusion, name))
        z = normal_z(level)
        ends = (np.maximum(value - z * error, 0), np.minimum(value + z * error, 1))
        found[name] = estimates(value, ends, n, "delta method")
    loss, squares = statistics.sums.T
    low, high = mean_normal(loss, squares, n, level)
    reason = "the model gives no probabilities"
    found["log_loss"] = estimates(ratio(loss, n), (np.maximum(low, 0), high), n, "normal", reason)
    if prices is not None:
        found["cost_per_100"] = _cost(confusion, prices, level)
    for index, label in enumerate(classes):
        rows, picked, ok = actual[:, index], chosen[:, index], right[:, index]
        found[CLASS_RECALL + label] = estimates(
            recall[:, index], wilson(ok, rows, level), rows, "Wilson", "no row is of this class"
        )
        found[CLASS_PRECISION + label] = estimates(
            precision[:, index],
            wilson(ok, picked, level),
            picked,
            "Wilson",
            "no row is predicted as this class",
        )
    return found


def price_table(costs: ClassCosts, classes: tuple[str, ...]) -> Floats:
    """Money lost to a row by truth and prediction: float64 [K, K]."""
    return np.asarray([[costs.price(truth, said) for said in classes] for truth in classes], np.float64)


def single_price(prices: Floats) -> float | None:
    """The price of every wrong answer when they all cost the same and right ones nothing; else None."""
    wrong = ~np.eye(len(prices), dtype=np.bool_)
    found = np.unique(prices[wrong])
    return float(found[0]) if found.size == 1 and not prices[~wrong].any() else None


def _cost(confusion: Ints, prices: Floats, level: float) -> Estimates:
    """Money per 100 rows. With one price it is the share of wrong answers, priced; else a mean over the rows."""
    n = confusion.sum(axis=(1, 2))
    total, squares = ((confusion * power).sum(axis=(1, 2)) for power in (prices, prices**2))
    price = single_price(prices)
    if price is not None:
        wrong = n - np.trace(confusion, axis1=1, axis2=2)
        low, high = wilson(wrong, n, level)
        return estimates(100 * price * ratio(wrong, n), (100 * price * low, 100 * price * high), n, "Wilson")
    low, high = mean_normal(total, squares, n, level)
    return estimates(100 * ratio(total, n), (100 * np.maximum(low, 0), 100 * high), n, "normal")


def aggregate_values(confusion: npt.NDArray[np.number]) -> dict[str, Floats]:
    """The five means over classes, from confusion counts [G, K, K] (any non-negative numbers)."""
    counts = np.asarray(confusion, np.float64)
    right = np.diagonal(counts, axis1=1, axis2=2)
    actual, chosen = counts.sum(axis=2), counts.sum(axis=1)
    seen, there = actual > 0, (actual + chosen) > 0
    recall = np.nan_to_num(ratio(right, actual))
    precision = np.nan_to_num(ratio(right, chosen))
    f1 = np.nan_to_num(ratio(2 * right, actual + chosen))
    classes, known = seen.sum(axis=1), there.sum(axis=1)
    return {
        "balanced_accuracy": ratio((recall * seen).sum(axis=1), classes),
        "macro_recall": ratio((recall * there).sum(axis=1), known),
        "macro_precision": ratio((precision * there).sum(axis=1), known),
        "macro_f1": ratio((f1 * there).sum(axis=1), known),
        "weighted_f1": ratio((f1 * actual).sum(axis=1), actual.sum(axis=1)),
    }


def influence_cells(confusion: npt.NDArray[np.number], name: str) -> Floats:
    """How an aggregate answers to one more row in each cell [G, K, K]: its derivative by the cell's count.

    All five are unchanged when every count is scaled, so the values weighted by the counts sum to zero: they
    are the influence values of the delta method without further centring.
    """
    counts = np.asarray(confusion, np.float64)
    right = np.diagonal(counts, axis1=1, axis2=2)
    actual, chosen = counts.sum(axis=2), counts.sum(axis=1)
    k = counts.shape[1]
    eye = np.eye(k)
    n = actual.sum(axis=1)[:, None, None]
    by_truth: Floats  # derivative of the per-class values by cell, summed with the class's weight
    if name in ("balanced_accuracy", "macro_recall"):
        weight = actual > 0 if name == "balanced_accuracy" else (actual + chosen) > 0
        share = _weights(weight)
        inverse = np.nan_to_num(ratio(1.0, actual))
        slope = share * inverse
        by_truth = slope[:, :, None] * (eye - np.nan_to_num(ratio(right, actual))[:, :, None])
        return by_truth
    if name == "macro_precision":
        share = _weights((actual + chosen) > 0)
        slope = share * np.nan_to_num(ratio(1.0, chosen))
        return slope[:, None, :] * (eye - np.nan_to_num(ratio(right, chosen))[:, None, :])
    both = actual + chosen
    f1 = np.nan_to_num(ratio(2 * right, both))
    share = ratio(actual, n[:, :, 0]) if name == "weighted_f1" else _weights(both > 0)
    slope = np.nan_to_num(share) * np.nan_to_num(ratio(1.0, both))
    grown = 2 * slope[:, :, None] * eye - (slope * f1)[:, :, None] - (slope * f1)[:, None, :]
    if name == "weighted_f1":
        mean = np.nan_to_num(ratio((f1 * actual).sum(axis=1)[:, None], n[:, :, 0]))
        grown = grown + np.nan_to_num(ratio((f1 - mean)[:, :, None], n))
    return grown


def influence_variance(confusion: npt.NDArray[np.number], name: str) -> Floats:
    """Variance of an aggregate by the delta method: the sum of squared influence values over the rows."""
    cells = influence_cells(confusion, name)
    total: Floats = (np.asarray(confusion, np.float64) * cells**2).sum(axis=(1, 2))
    return total


def _weights(mask: npt.NDArray[np.bool_]) -> Floats:
    return np.nan_to_num(ratio(mask, mask.sum(axis=1)[:, None]))
