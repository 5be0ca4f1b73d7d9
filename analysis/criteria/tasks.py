"""Measuring the criteria of each task: two classes, many (each against the rest), a regression, a ranking."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import Costs
from analysis.contracts.criteria import (
    CALIBRATION,
    COST_PARITY,
    DEMOGRAPHIC_PARITY,
    EQUAL_OPPORTUNITY,
    EQUALIZED_ODDS,
    EXPOSURE_BY_MERIT,
    EXPOSURE_PARITY,
    FOUR_FIFTHS,
    MEAN_ERROR_PARITY,
    MEAN_PREDICTION_PARITY,
    PREDICTIVE_PARITY,
    criteria_for,
)
from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING, REGRESSION
from analysis.criteria.results import CriterionResult, criterion_measure, criterion_undefined, criterion_worst
from analysis.fairness import EstimatesAt
from analysis.intervals import Floats, bonferroni_level, mean_student, normal_z, ratio
from analysis.segment_metrics.binary import BINS, ECE_BINS, BinaryStatistics, binary_estimates, count_estimates
from analysis.segment_metrics.estimates import Estimates, estimates
from analysis.segment_metrics.multiclass import MulticlassStatistics, multiclass_estimates

Codes = npt.NDArray[np.int32]

METRICS_OF: Mapping[str, tuple[str, ...]] = {
    DEMOGRAPHIC_PARITY: ("selection_rate",),
    FOUR_FIFTHS: ("selection_rate",),
    EQUAL_OPPORTUNITY: ("tpr",),
    EQUALIZED_ODDS: ("tpr", "fpr"),
    PREDICTIVE_PARITY: ("precision",),
    CALIBRATION: ("ece",),
    COST_PARITY: ("cost_per_100",),
    MEAN_PREDICTION_PARITY: ("mean_prediction",),
    MEAN_ERROR_PARITY: ("mean_error",),
    EXPOSURE_PARITY: ("exposure",),
    EXPOSURE_BY_MERIT: ("exposure_by_merit",),
}
NO_COSTS = "the problem states no costs of errors"
NO_SCORES = "the model gives no scores"


def binary_criteria(
    statistics: BinaryStatistics,
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    costs: Costs | None = None,
    limits: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> list[CriterionResult]:
    """Every criterion of two classes, from the statistics of one segment's groups (also the stored ones).

    `barred[g]` is the reason why group g is not compared, or None; `limits` (code -> limit) what the problem states.
    """

    def at(inner: float) -> Mapping[str, Estimates]:
        return binary_estimates(statistics, costs=costs, level=inner)

    return _measured(BINARY, at, labels, barred, limits or {}, level, missing={} if costs else {COST_PARITY: NO_COSTS})


def multiclass_criteria(
    confusion: npt.NDArray[np.int64],
    classes: Sequence[str],
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    scores: tuple[Codes, npt.NDArray[np.integer], Floats] | None = None,
    prices: Floats | None = None,
    limits: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> list[CriterionResult]:
    """Every criterion of many classes, from counts [G, K, K] by truth and prediction: for each class against the rest,
    and first the worst of them.

    The classes' intervals cover together (Bonferroni over classes). `scores` = group codes [n], true classes [n] and
    scores [n, K] for calibration; `prices` [K, K] by truth and prediction for the cost of errors, which has no class.
    """
    limits = limits or {}
    inner = bonferroni_level(level, len(classes))
    by_code: dict[str, list[CriterionResult]] = {}
    for number, name in enumerate(classes):
        at = _one_against_rest(confusion, number, scores)
        missing = {COST_PARITY: NO_COSTS} | ({} if scores is not None else {CALIBRATION: NO_SCORES})
        for one in _measured(MULTICLASS, at, labels, barred, limits, inner, missing=missing, of=name):
            by_code.setdefault(one.criterion, []).append(one)
    del by_code[COST_PARITY]
    found = [one for results in by_code.values() for one in (criterion_worst(results), *results)]
    if prices is None:
        return [*found, criterion_undefined(COST_PARITY, NO_COSTS, limit=limits.get(COST_PARITY))]

    statistics = MulticlassStatistics(confusion, np.full((len(confusion), 2), np.nan))

    def priced(at_level: float) -> Mapping[str, Estimates]:
        return multiclass_estimates(statistics, tuple(classes), prices=prices, level=at_level)

    metrics = METRICS_OF[COST_PARITY]
    limit = limits.get(COST_PARITY)
    return [*found, criterion_measure(COST_PARITY, metrics, priced, labels, barred, level=level, limit=limit)]


def _one_against_rest(
    confusion: npt.NDArray[np.int64],
    number: int,
    scores: tuple[Codes, npt.NDArray[np.integer], Floats] | None,
) -> EstimatesAt:
    """Estimates of one class against all others, from counts [G, K, K] by truth and prediction."""
    tp = confusion[:, number, number]
    fn, fp = confusion[:, number].sum(axis=1) - tp, confusion[:, :, number].sum(axis=1) - tp
    counts = np.stack([confusion.sum(axis=(1, 2)) - tp - fn - fp, fp, fn, tp], axis=1)
    if scores is None:
        return lambda level: count_estimates(counts, level=level)
    codes, truth, matrix = scores
    groups = confusion.shape[0]
    statistics = BinaryStatistics(
        counts,
        np.zeros((groups, BINS, 2), np.int32),
        _tenths(codes, groups, np.asarray(truth) == number, np.asarray(matrix[:, number], np.float64)),
        *(np.full((groups, 4), np.nan) for _ in range(2)),
    )
    return lambda level: binary_estimates(statistics, level=level)


def _tenths(codes: Codes, size: int, truth: npt.NDArray[np.bool_], score: Floats) -> Floats:
    """Rows, positives, sums of scores and of squared errors by tenth of the score, [G, 10, 4]."""
    cells = codes * np.int64(ECE_BINS) + np.minimum(np.floor(score * ECE_BINS), ECE_BINS - 1).astype(np.int64)
    columns = (np.ones(score.size), truth.astype(np.float64), score, (score - truth) ** 2)
    sums = [np.bincount(cells, weights=one, minlength=size * ECE_BINS) for one in columns]
    return np.stack(sums, axis=1).astype(np.float64).reshape(size, ECE_BINS, 4)


def regression_criteria(
    codes: Codes,
    labels: Sequence[str],
    barred: Sequence[str | None],
    truth: Floats,
    predicted: Floats,
    *,
    per_unit: float | None = None,
    limits: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> list[CriterionResult]:
    """Every criterion of a regression, from the rows [n]; limits are in the unit of the target, or money."""
    size = len(labels)
    error = predicted - truth
    columns = {"mean_prediction": predicted, "mean_error": error}
    if per_unit is not None:
        columns["cost_per_100"] = 100 * per_unit * np.abs(error)
    n = np.bincount(codes, minlength=size)
    sums = {
        name: (np.bincount(codes, weights=one, minlength=size), np.bincount(codes, weights=one**2, minlength=size))
        for name, one in columns.items()
    }

    def at(inner: float) -> Mapping[str, Estimates]:
        return {
            name: estimates(ratio(total, n), mean_student(total, squares, n, inner), n, "t")
            for name, (total, squares) in sums.items()
        }

    missing = {COST_PARITY: NO_COSTS} if per_unit is None else {}
    return _measured(REGRESSION, at, labels, barred, limits or {}, level, missing=missing)


def ranking_criteria(
    queries: npt.NDArray[np.integer],
    places: npt.NDArray[np.integer],
    codes: Codes,
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    relevance: Floats | None = None,
    limits: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> list[CriterionResult]:
    """Exposure of each group over many lists: `queries` numbers the list of each result [n], `places` its place from 1.

    Results of one list share its places, so lists are what varies: the error is that of a ratio of sums over lists (the
    usual linearisation), and intervals are made to cover together without independence (Bonferroni). Relevance is zero
    or more. Raises ValueError for a place below 1 or a negative relevance.
    """
    if places.size and int(places.min()) < 1:
        raise ValueError("Places are counted from 1")
    if relevance is not None and relevance.size and float(relevance.min()) < 0:
        raise ValueError("Relevance is zero or more")
    size = len(labels)
    lists, numbers = np.unique(queries, return_inverse=True)
    exposure = 1 / np.log2(1 + places.astype(np.float64))
    bottoms = {"exposure": np.ones(places.size)}
    if relevance is not None:
        bottoms["exposure_by_merit"] = np.asarray(relevance, np.float64)
    reasons = {"exposure": "it has no result", "exposure_by_merit": "its results have no relevance"}

    def by_list(weights: Floats) -> Floats:
        cells = np.bincount(numbers * size + codes, weights=weights, minlength=lists.size * size)
        return cells.astype(np.float64).reshape(lists.size, size)

    top = by_list(exposure)
    n = np.bincount(codes, minlength=size)
    found = {}
    for name, weights in bottoms.items():
        below = by_list(weights)
        value = ratio(top.sum(axis=0), below.sum(axis=0))
        rest = top - np.nan_to_num(value) * below
        present = (below > 0).sum(axis=0)
        spread = ratio((rest**2).sum(axis=0) * present, present - 1)
        found[name] = (value, ratio(np.sqrt(spread), below.sum(axis=0)))

    def at(inner: float) -> Mapping[str, Estimates]:
        z = normal_z(inner)
        return {
            name: estimates(value, (np.maximum(value - z * error, 0), value + z * error), n, "lists", reasons[name])
            for name, (value, error) in found.items()
        }

    missing = {} if relevance is not None else {EXPOSURE_BY_MERIT: "no relevance is known"}
    joint = bonferroni_level(level, sum(reason is None for reason in barred))
    return _measured(RANKING, at, labels, barred, limits or {}, level, missing=missing, joint=joint)


def _measured(
    task: str,
    at: EstimatesAt,
    labels: Sequence[str],
    barred: Sequence[str | None],
    limits: Mapping[str, float],
    level: float,
    *,
    missing: Mapping[str, str],
    of: str | None = None,
    joint: float | None = None,
) -> list[CriterionResult]:
    """All criteria of a task; `missing` says which cannot be measured and why."""
    found = []
    for criterion in criteria_for(task):
        code, limit = criterion.code, limits.get(criterion.code)
        if code in missing:
            found.append(criterion_undefined(code, missing[code], limit=limit, of=of))
            continue
        found.append(
            criterion_measure(code, METRICS_OF[code], at, labels, barred, level=level, limit=limit, of=of, joint=joint)
        )
    return found
