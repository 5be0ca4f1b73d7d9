"""Loss and validation measures of a prediction, in the words of the metric catalogue."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.segment_metrics.ranking import ranking_rows
from workers.contracts.recipes import BINARY, RANKING, REGRESSION

Floats = npt.NDArray[np.float64]
_TINY = 1e-15


def threshold_of(task: str, costs: Mapping[str, Any] | None) -> float | None:
    """Where two errors of those costs are worth the same: C_FP / (C_FP + C_FN); 0.5 without costs; else
    None.
    """
    if task != BINARY:
        return None
    if not costs:
        return 0.5
    false_positive, false_negative = float(costs["false_positive"]), float(costs["false_negative"])
    total = false_positive + false_negative
    return false_positive / total if total > 0 else 0.5


def loss_name(task: str) -> str:
    """What curves show."""
    return {REGRESSION: "rmse", RANKING: "ndcg_loss"}.get(task, "log_loss")


def loss_of(
    task: str,
    truth: npt.NDArray[Any],
    predicted: Floats,
    classes: list[Any],
    queries: npt.NDArray[np.int64] | None = None,
) -> float:
    """Log loss (rows of a class that the model does not know are left out), root mean squared error, or what NDCG@10
    within `queries` lacks to 1.
    """
    if task == RANKING:
        return 1.0 - _ranked(truth, predicted, queries)["ndcg_10"]
    if task == REGRESSION:
        return float(np.sqrt(np.mean((truth - predicted) ** 2)))
    place = {label: index for index, label in enumerate(classes)}
    column = np.asarray([place.get(label, -1) for label in truth.tolist()])
    rows = np.flatnonzero(column >= 0)
    chosen = np.clip(predicted[rows, column[rows]], _TINY, 1.0)
    return float(-np.mean(np.log(chosen))) if len(rows) else float("nan")


def measures_of(
    task: str,
    truth: npt.NDArray[Any],
    predicted: Floats,
    classes: list[Any],
    threshold: float | None,
    costs: Mapping[str, Any] | None,
    queries: npt.NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Name -> value; a measure that these rows do not define is left out."""
    if task == RANKING:
        found = _ranked(truth, predicted, queries)
        return {"ndcg_loss": 1.0 - found["ndcg_10"], **found}
    if task == REGRESSION:
        errors = truth - predicted
        spread = float(np.sum((truth - truth.mean()) ** 2))
        found = {"rmse": float(np.sqrt(np.mean(errors**2))), "mae": float(np.mean(np.abs(errors)))}
        if spread > 0:
            found["r2"] = 1.0 - float(np.sum(errors**2)) / spread
        return found
    found = {"log_loss": loss_of(task, truth, predicted, classes)}
    if task != BINARY or threshold is None:
        labels = np.asarray(classes, dtype=object)[predicted.argmax(axis=1)]
        found["accuracy"] = float(np.mean(labels == truth))
        found["f1_macro"] = _macro_f1(truth, labels, classes)
        return found
    return found | _binary(truth.astype(bool), predicted[:, 1], threshold, costs)


def _ranked(truth: npt.NDArray[Any], score: Floats, queries: npt.NDArray[np.int64] | None) -> dict[str, float]:
    """NDCG@10 and reciprocal rank, on the mean over queries with a relevant item; nan where none has one."""
    if queries is None:
        raise ValueError("An order is measured within queries")
    quality = ranking_rows(queries, truth.astype(np.float64), score, (10,)).quality
    known = {name: quality[key][np.isfinite(quality[key])] for name, key in (("ndcg_10", "ndcg:10"), ("mrr", "mrr"))}
    return {name: float(values.mean()) if values.size else float("nan") for name, values in known.items()}


def _binary(
    truth: npt.NDArray[np.bool_], score: Floats, threshold: float, costs: Mapping[str, Any] | None
) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    said = score >= threshold
    positives, negatives = int(truth.sum()), int((~truth).sum())
    false_positives, false_negatives = int((said & ~truth).sum()), int((~said & truth).sum())
    found = {
        "brier": float(np.mean((score - truth) ** 2)),
        "accuracy": float(np.mean(said == truth)),
        "selection_rate": float(np.mean(said)),
    }
    if negatives:
        found["fpr"] = false_positives / negatives
    if positives:
        found["fnr"] = false_negatives / positives
    if positives and negatives:
        found["roc_auc"] = float(roc_auc_score(truth, score))
        found["pr_auc"] = float(average_precision_score(truth, score))
    if costs:
        money = false_positives * float(costs["false_positive"])
        money += false_negatives * float(costs["false_negative"])
        found["cost_per_100"] = 100.0 * money / len(truth)
    return found


def _macro_f1(truth: npt.NDArray[Any], said: npt.NDArray[Any], classes: list[Any]) -> float:
    values = []
    for label in classes:
        both = int(((truth == label) & (said == label)).sum())
        total = int((truth == label).sum()) + int((said == label).sum())
        if total:
            values.append(2 * both / total)
    return float(np.mean(values))
