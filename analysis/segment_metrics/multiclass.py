"""Many classes: confusion counts by group and what follows from them, one class against the rest included."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import ClassCosts
from analysis.contracts.metrics import CLASS_AUC, CLASS_F1, CLASS_PRECISION, CLASS_RECALL, TOP_K
from analysis.intervals import Counts, Floats, Level, group_sum, logit_normal, mean_student, normal_z, ratio, wilson
from analysis.segment_metrics.binary_rows import BinaryRows, RowCodes, binary_rows, binary_statistics
from analysis.segment_metrics.estimates import NO_ROWS, Estimates, estimates, exact
from analysis.segment_metrics.groupings import Grouping

AREAS_UP_TO = 20
"""Classes up to which each class's ROC AUC against the rest is measured: it takes one pass per class."""


@dataclass(frozen=True, slots=True)
class MulticlassRows:
    """Truth and prediction as class numbers per row, and how much each row counts (or None).

    Without probabilities `log_loss` and `place` are None and there are no `ordered` rows. `place` is how many classes
    come before the truth, by falling probability and then by number: 0 where the first guess is right. `ordered` are
    the rows of each class against the rest.
    """

    truth: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]
    classes: int
    log_loss: Floats | None
    place: npt.NDArray[np.int32] | None = None
    ordered: tuple[BinaryRows, ...] = ()
    weight: Floats | None = None


@dataclass(frozen=True, slots=True)
class MulticlassStatistics:
    """By group: confusion [G, K, K] (truth by prediction), sums float64 [G, 2] of log loss and its squares.

    The sums are nan without probabilities. places [G, K] are rows by the place of their truth, ranks float64 [G, K, 2]
    AUC of each class against the rest and its variance; both None without probabilities, ranks also above
    AREAS_UP_TO classes. With weights w all are sums of w (else whole numbers) and `squares` float64 [G] is the sum of
    w^2; else None.
    """

    confusion: Counts
    sums: Floats
    places: Counts | None = None
    ranks: Floats | None = None
    squares: Floats | None = None

    def parts(self) -> dict[str, Counts | None]:
        """Every array under its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def multiclass_rows(
    truth: npt.NDArray[np.int32],
    classes: int,
    probabilities: Floats | None,
    predicted: npt.NDArray[np.int32] | None,
    weight: Floats | None = None,
) -> MulticlassRows:
    """Check and prepare: `probabilities` [n, K] (prediction = the first highest) or `predicted` [n].

    Raises ValueError when neither is given or probabilities do not sum to 1 (within 1e-3; they are
    normalised).
    """
    if probabilities is None:
        if predicted is None:
            raise ValueError("Many classes need probabilities or predictions")
        return MulticlassRows(truth, predicted, classes, None, weight=weight)
    if probabilities.shape != (truth.size, classes):
        raise ValueError(f"Probabilities are one row per row and {classes} columns, not {probabilities.shape}")
    if not np.isfinite(probabilities).all() or (probabilities < 0).any():
        raise ValueError("Every probability is zero or more")
    total = probabilities.sum(axis=1)
    if np.abs(total - 1).max(initial=0) > 1e-3:
        raise ValueError("The probabilities of a row sum to 1")
    tiny = np.finfo(np.float64).eps
    own = probabilities[np.arange(truth.size), truth]
    loss = -np.log(np.clip(own / total, tiny, 1 - tiny))
    earlier = np.arange(classes)[None, :] < truth[:, None]
    place = ((probabilities > own[:, None]) | ((probabilities == own[:, None]) & earlier)).sum(axis=1)
    ordered: tuple[BinaryRows, ...] = ()
    if classes <= AREAS_UP_TO:
        ordered = tuple(
            binary_rows(truth == one, np.minimum(probabilities[:, one] / total, 1), 0.5, weight)
            for one in range(classes)
        )
    chosen = np.argmax(probabilities, axis=1).astype(np.int32) if predicted is None else predicted
    return MulticlassRows(truth, chosen, classes, loss, place.astype(np.int32), ordered, weight)


def multiclass_statistics(
    grouping: Grouping, rows: MulticlassRows, codes: Sequence[RowCodes] = ()
) -> MulticlassStatistics:
    """Reduce all rows to the statistics of each group; `codes` go by the order of each of `rows.ordered`."""
    k, size, group = rows.classes, grouping.size, grouping.codes()
    whole = rows.weight is None

    def count(cell: npt.NDArray[np.int64], width: int) -> Counts:
        return np.bincount(cell, weights=rows.weight, minlength=size * width)

    confusion = count((group * np.int64(k) + rows.truth) * k + rows.predicted, k * k).reshape(size, k, k)
    squares = None if rows.weight is None else group_sum(group, rows.weight**2, size)
    if rows.log_loss is None or rows.place is None:
        return MulticlassStatistics(confusion, np.full((size, 2), np.nan), squares=squares)
    losses = [loss if rows.weight is None else rows.weight * loss for loss in (rows.log_loss, rows.log_loss**2)]
    sums = [group_sum(group, loss, size) for loss in losses]
    places = count(group * np.int64(k) + rows.place, k).reshape(size, k)
    ranks = None
    if rows.ordered:
        each = [binary_statistics(grouping, one, by).ranks for one, by in zip(rows.ordered, codes, strict=True)]
        ranks = np.stack([one[:, :2] for one in each], axis=1)
    places = places.astype(np.int64) if whole else places
    return MulticlassStatistics(confusion, np.stack(sums, axis=1), places, ranks, squares)


def multiclass_estimates(
    statistics: MulticlassStatistics,
    classes: tuple[str, ...],
    *,
    prices: Floats | None = None,
    top_k: Sequence[int] = (),
    level: Level = 0.95,
) -> dict[str, Estimates]:
    """All metrics of all groups with intervals.

    A mean over classes takes the classes that occur in the group (as truth, or for precision and F1 as truth
    or prediction); a class that is there but never predicted has precision 0 in those means, as in scikit-
    learn. With weights all sums are scaled so that each group has its effective number of rows (Kish 1965).
    """
    total = statistics.confusion.sum(axis=(1, 2))
    scale = None if statistics.squares is None else np.nan_to_num(ratio(total, statistics.squares))
    confusion = statistics.confusion if scale is None else statistics.confusion * scale[:, None, None]
    n = confusion.sum(axis=(1, 2))
    right = np.diagonal(confusion, axis1=1, axis2=2)
    actual, chosen = confusion.sum(axis=2), confusion.sum(axis=1)
    hits = right.sum(axis=1)

    def share(of_hits: Counts, of: Counts, reason: str = NO_ROWS) -> Estimates:
        return estimates(ratio(of_hits, of), wilson(of_hits, of, level), of, "Wilson", reason)

    found = {"count": exact(total, total), "accuracy": share(hits, n)}
    z = normal_z(level)
    for name, value in aggregate_values(confusion).items():
        error = np.sqrt(influence_variance(confusion, name))
        ends = (np.maximum(value - z * error, 0), np.minimum(value + z * error, 1))
        found[name] = estimates(value, ends, n, "delta method")
    # One prediction a row: over all classes together every error is one false positive and one false negative.
    found["micro_f1"] = found["accuracy"]
    sums = statistics.sums if scale is None else statistics.sums * scale[:, None]
    low, high = mean_student(sums[:, 0], sums[:, 1], n, level)
    found["log_loss"] = estimates(ratio(sums[:, 0], n), (np.maximum(low, 0), high), n, "t", NO_PROBABILITIES)
    found["macro_roc_auc"] = _macro_area(statistics.ranks, n, actual, level)
    for k in top_k:
        if statistics.places is None:
            nothing = np.full(n.shape, np.nan)
            found[f"{TOP_K}{k}"] = estimates(nothing, (nothing, nothing), n, "Wilson", NO_PROBABILITIES)
        else:
            first = statistics.places[:, :k].sum(axis=1)
            found[f"{TOP_K}{k}"] = share(first if scale is None else first * scale, n)
    if prices is not None:
        found["cost_per_100"] = _cost(confusion, prices, level)
    for index, label in enumerate(classes):
        rows, picked, ok = actual[:, index], chosen[:, index], right[:, index]
        found[CLASS_RECALL + label] = share(ok, rows, "no row is of this class")
        found[CLASS_PRECISION + label] = share(ok, picked, "no row is predicted as this class")
        union = rows + picked - ok
        low, high = wilson(ok, union, level)
        ends = (2 * low / (1 + low), 2 * high / (1 + high))
        reason = "no row is of this class or predicted as it"
        found[CLASS_F1 + label] = estimates(ratio(2 * ok, rows + picked), ends, union, "Wilson, transformed", reason)
        if statistics.ranks is not None:
            area, variance = statistics.ranks[:, index].T
            ends = logit_normal(area, np.sqrt(variance), np.minimum(rows, n - rows), level)
            found[CLASS_AUC + label] = estimates(area, ends, n, "DeLong", "no row, or every row, is of this class")
    return found


MEANS = (
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "macro_precision",
    "weighted_precision",
    "macro_recall",
)
"""The means over classes of `aggregate_values`."""
NO_PROBABILITIES = "the model gives no probabilities"


def _macro_area(ranks: Floats | None, n: Counts, actual: Counts, level: Level) -> Estimates:
    """Mean of the classes' areas, over the classes for which there is one.

    The areas are made of the same rows; whatever their correlation, the error of the mean is at most the mean of the
    errors (the triangle inequality for standard deviations), which is taken.
    """
    nothing = np.full(n.shape, np.nan)
    if ranks is None:
        reason = f"the model gives no probabilities, or there are more than {AREAS_UP_TO} classes"
        return estimates(nothing, (nothing, nothing), n, "DeLong", reason)
    known = np.isfinite(ranks[:, :, 0])
    value = ratio(np.where(known, ranks[:, :, 0], 0).sum(axis=1), known.sum(axis=1))
    errors = np.sqrt(np.where(known, ranks[:, :, 1], 0)).sum(axis=1)
    smallest = np.where(known, actual, np.inf).min(axis=1)
    ends = logit_normal(value, ratio(errors, known.sum(axis=1)), np.where(np.isfinite(smallest), smallest, 0), level)
    return estimates(value, ends, n, "mean of DeLong's errors", "there is only one class")


def price_table(costs: ClassCosts, classes: tuple[str, ...]) -> Floats:
    """Money lost to a row by truth and prediction: float64 [K, K]."""
    return np.asarray([[costs.price(truth, said) for said in classes] for truth in classes], np.float64)


def single_price(prices: Floats) -> float | None:
    """The price of every wrong answer when they all cost the same and right ones nothing; else None."""
    wrong = ~np.eye(len(prices), dtype=np.bool_)
    found = np.unique(prices[wrong])
    return float(found[0]) if found.size == 1 and not prices[~wrong].any() else None


def _cost(confusion: Counts, prices: Floats, level: Level) -> Estimates:
    """Money per 100 rows. With one price it is the share of wrong answers, priced; else a mean over the rows."""
    n = confusion.sum(axis=(1, 2))
    total, squares = ((confusion * power).sum(axis=(1, 2)) for power in (prices, prices**2))
    price = single_price(prices)
    if price is not None:
        wrong = n - np.trace(confusion, axis1=1, axis2=2)
        low, high = wilson(wrong, n, level)
        return estimates(100 * price * ratio(wrong, n), (100 * price * low, 100 * price * high), n, "Wilson")
    low, high = mean_student(total, squares, n, level)
    return estimates(100 * ratio(total, n), (100 * np.maximum(low, 0), 100 * high), n, "t")


def aggregate_values(confusion: npt.NDArray[np.number]) -> dict[str, Floats]:
    """The six means over classes, from confusion counts [G, K, K] (any non-negative numbers)."""
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
        "weighted_precision": ratio((precision * actual).sum(axis=1), actual.sum(axis=1)),
        "macro_f1": ratio((f1 * there).sum(axis=1), known),
        "weighted_f1": ratio((f1 * actual).sum(axis=1), actual.sum(axis=1)),
    }


def influence_cells(confusion: npt.NDArray[np.number], name: str) -> Floats:
    """How an aggregate answers to one more row in each cell [G, K, K]: its derivative by the cell's count.

    All six are unchanged when every count is scaled, so the values weighted by the counts sum to zero: they
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
    if name == "weighted_precision":
        precision = np.nan_to_num(ratio(right, chosen))
        mean = np.nan_to_num(ratio((precision * actual).sum(axis=1), n[:, 0, 0]))
        slope = np.nan_to_num(ratio(actual, n[:, :, 0])) * np.nan_to_num(ratio(1.0, chosen))
        moved = slope[:, None, :] * (eye - precision[:, None, :])
        return moved + np.nan_to_num(ratio(precision - mean[:, None], n[:, :, 0]))[:, :, None]
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
