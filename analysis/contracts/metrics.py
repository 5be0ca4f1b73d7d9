"""The catalogue of metrics: names, labels, units, directions, and the words for errors.

Values are stored as plain numbers: rates between 0 and 1 (shown as percent, differences as points), scores as
they are, money per 100 rows in the units of the stated costs, errors of a regression in the units of the
target.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

BINARY: Final = "BINARY"
MULTICLASS: Final = "MULTICLASS"
REGRESSION: Final = "REGRESSION"
RANKING: Final = "RANKING"
TASKS: Final = (BINARY, MULTICLASS, REGRESSION, RANKING)

PERCENT: Final = "percent"
SCORE: Final = "score"
MONEY: Final = "money"
COUNT: Final = "count"
TARGET: Final = "target"
MEGABYTES: Final = "megabytes"
MILLISECONDS: Final = "milliseconds"
UNITS: Final = (PERCENT, SCORE, MONEY, COUNT, TARGET, MEGABYTES, MILLISECONDS)
"""Units: a rate, a bare score, money per 100 rows, a number of things, the unit of the regression's target; of facts of
a model also millions of bytes and thousandths of a second.
"""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: how to name, show and judge it.

    `higher_is_better` is None where neither direction is good by itself (selection rate, mean error). `rate`
    marks shares of countable rows. `mirror_of` names the metric of which this one is 1 minus. `meaning`
    completes "The share of ..." or stands alone; `of` says what a rate's rows are counted among.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool | None
    tasks: frozenset[str]
    meaning: str
    rate: bool = False
    of: str = "rows"
    mirror_of: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON, for pages."""
        return {
            "name": self.name,
            "label": self.label,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "rate": self.rate,
            "of": self.of,
            "meaning": self.meaning,
        }


_B, _M, _R = frozenset({BINARY}), frozenset({MULTICLASS}), frozenset({REGRESSION})
_Q = frozenset({RANKING})
_BM = _B | _M

_ALL: Final = (
    Metric("count", "Rows", COUNT, None, _BM | _R | _Q, "Number of rows."),
    Metric(
        "cost_per_100",
        "Cost per 100",
        MONEY,
        False,
        _BM | _R,
        "Money lost to errors per 100 rows.",
    ),
    Metric(
        "fpr",
        "False positive rate",
        PERCENT,
        False,
        _B,
        "Share of actual negatives predicted positive.",
        True,
        "negatives",
    ),
    Metric(
        "fnr",
        "False negative rate",
        PERCENT,
        False,
        _B,
        "Share of actual positives predicted negative.",
        True,
        "positives",
    ),
    Metric(
        "tpr",
        "Recall",
        PERCENT,
        True,
        _B,
        "Share of actual positives predicted positive.",
        True,
        "positives",
        "fnr",
    ),
    Metric(
        "tnr",
        "Specificity",
        PERCENT,
        True,
        _B,
        "Share of actual negatives predicted negative.",
        True,
        "negatives",
        "fpr",
    ),
    Metric("selection_rate", "Selection rate", PERCENT, None, _B, "Share of rows predicted positive.", True),
    Metric("accuracy", "Accuracy", PERCENT, True, _BM, "Share of rows predicted right.", True),
    Metric("balanced_accuracy", "Balanced accuracy", PERCENT, True, _BM, "Mean recall over the classes."),
    Metric(
        "precision",
        "Precision",
        PERCENT,
        True,
        _B,
        "Share of predicted positives that are positive.",
        True,
        "predicted positives",
    ),
    Metric(
        "npv",
        "Negative predictive value",
        PERCENT,
        True,
        _B,
        "Share of predicted negatives that are negative.",
        True,
        "predicted negatives",
    ),
    Metric("f1", "F1", SCORE, True, _B, "Harmonic mean of precision and recall."),
    Metric("mcc", "Matthews correlation", SCORE, True, _B, "Correlation of prediction and outcome, from -1 to 1."),
    Metric("lift", "Lift", SCORE, True, _B, "Precision over the share of positives among all rows."),
    Metric(
        "roc_auc",
        "ROC AUC",
        SCORE,
        True,
        _B,
        "Chance that a positive scores above a negative; ties count half.",
    ),
    Metric("pr_auc", "PR AUC", SCORE, True, _B, "Average precision over the distinct thresholds."),
    Metric(
        "log_loss",
        "Log loss",
        SCORE,
        False,
        _BM,
        "Mean negative natural log of the probability given to the truth.",
    ),
    Metric("brier", "Brier score", SCORE, False, _B, "Mean squared distance of score and outcome."),
    Metric(
        "ece",
        "Calibration error",
        SCORE,
        False,
        _B,
        "Mean gap of score and outcome over ten equal score bins.",
    ),
    Metric("macro_f1", "Macro F1", SCORE, True, _M, "Mean over the classes of each class's F1."),
    Metric("weighted_f1", "Weighted F1", SCORE, True, _M, "Mean F1 weighted by each class's rows."),
    Metric("micro_f1", "Micro F1", SCORE, True, _M, "F1 over all rows and classes together."),
    Metric(
        "macro_roc_auc",
        "Macro ROC AUC",
        SCORE,
        True,
        _M,
        "Mean over the classes of the chance that a row of the class scores above another.",
    ),
    Metric(
        "weighted_precision", "Weighted precision", PERCENT, True, _M, "Mean precision weighted by each class's rows."
    ),
    Metric("macro_precision", "Macro precision", PERCENT, True, _M, "Mean precision over the classes."),
    Metric("macro_recall", "Macro recall", PERCENT, True, _M, "Mean recall over the classes."),
    Metric("mae", "Mean absolute error", TARGET, False, _R, "Mean distance of prediction and truth."),
    Metric("rmse", "Root mean squared error", TARGET, False, _R, "Root of the mean squared error."),
    Metric("median_error", "Median absolute error", TARGET, False, _R, "Half of the rows are off by no more."),
    Metric("p90_error", "90 % absolute error", TARGET, False, _R, "Nine rows in ten are off by no more."),
    Metric("r2", "R squared", SCORE, True, _R, "Share of the truth's variance that is explained."),
    Metric("mean_error", "Mean error", TARGET, None, _R, "Mean of prediction minus truth: the bias."),
    Metric("mape", "Mean absolute percentage error", PERCENT, False, _R, "Mean distance as a share of the truth."),
    Metric(
        "within_tolerance",
        "Within tolerance",
        PERCENT,
        True,
        _R,
        "Share of rows within the stated distance.",
        True,
    ),
    Metric("mrr", "Mean reciprocal rank", SCORE, True, _Q, "Mean of 1 over the rank of the first relevant item."),
    Metric("exposure", "Exposure", SCORE, None, _Q, "Mean of 1 over log2(1 + rank) over the items."),
    Metric("exposure_merit", "Exposure for merit", SCORE, None, _Q, "Exposure of the items over their relevance."),
)
METRICS: Final[dict[str, Metric]] = {metric.name: metric for metric in _ALL}
"""Every metric by name; those below are named after a class, a number or a function."""

CLASS_RECALL: Final = "recall:"
CLASS_PRECISION: Final = "precision:"
CLASS_F1: Final = "f1:"
CLASS_AUC: Final = "roc_auc:"
TOP_K: Final = "top_k:"
SPECIFICITY_AT: Final = "tnr_at_tpr:"
NDCG_AT: Final = "ndcg:"
MAP_AT: Final = "map:"
CUSTOM: Final = "custom:"
FACT: Final = "fact:"
"""Before the name of a fact of the model itself, which no row measures; a limit of it can still be set and judged."""
EXPOSURES: Final = ("exposure", "exposure_merit")

_registered: dict[str, Metric] = {}


def metric_register(metric: Metric) -> None:
    """Make a metric of one's own known under its name, which starts with "custom:"."""
    _registered[metric.name] = metric


def metric_get(name: str) -> Metric:
    """The metric of that name, also one of a class, a number or a function. Raises KeyError for an unknown one."""
    if name in METRICS:
        return METRICS[name]
    if name in _registered:
        return _registered[name]
    start, sign, label = name.partition(":")
    maker = _NAMED.get(start + sign)
    if maker is None or not label:
        raise KeyError(name)
    return maker(name, label)


def _class_rate(word: str, of: str) -> Callable[[str, str], Metric]:
    return lambda name, label: Metric(
        name, f"{word} of {label}", PERCENT, True, _M, f"{word} of the class {label}.", True, of
    )


def _class_score(word: str) -> Callable[[str, str], Metric]:
    return lambda name, label: Metric(
        name, f"{word} of {label}", SCORE, True, _M, f"{word} of {label} against the rest."
    )


def _top_k(name: str, label: str) -> Metric:
    if not label.isdigit() or int(label) < 1:
        raise KeyError(name)
    return Metric(
        name, f"Top {label}", PERCENT, True, _M, f"Share of rows whose class is among the first {label}.", True
    )


def _specificity_at(name: str, label: str) -> Metric:
    try:
        share = float(label)
    except ValueError:
        raise KeyError(name) from None
    words = f"Specificity at {100 * share:g} % recall"
    return Metric(name, words, PERCENT, True, _B, "Specificity at the highest threshold that reaches the recall.")


def _at_rank(word: str, meaning: str) -> Callable[[str, str], Metric]:
    def make(name: str, label: str) -> Metric:
        if not label.isdigit() or int(label) < 1:
            raise KeyError(name)
        return Metric(name, f"{word}@{label}", SCORE, True, _Q, meaning)

    return make


def _function(name: str, label: str) -> Metric:
    return Metric(name, label, SCORE, None, frozenset(TASKS), f"The metric {label}, a function of its own.")


_F = frozenset(TASKS)
FACTS: Final[dict[str, Metric]] = {
    fact.name: fact
    for fact in (
        Metric(
            f"{FACT}parameters", "Parameters", COUNT, False, _F, "Numbers that the model holds: weights, tree nodes."
        ),
        Metric(f"{FACT}features", "Features", COUNT, False, _F, "Columns that the model reads."),
        Metric(f"{FACT}size", "Model size", MEGABYTES, False, _F, "Bytes of the model's files."),
        Metric(f"{FACT}depth", "Depth", COUNT, False, _F, "Levels of the deepest tree; 0 for a model without trees."),
        Metric(f"{FACT}row_time", "Time per prediction", MILLISECONDS, False, _F, "Time for one row of a batch."),
    )
}
"""How complex a model is, by facts that its version records."""


def _fact(name: str, label: str) -> Metric:
    return FACTS[name]


_NAMED: Final[Mapping[str, Callable[[str, str], Metric]]] = {
    CLASS_RECALL: _class_rate("Recall", "rows of the class"),
    CLASS_PRECISION: _class_rate("Precision", "rows predicted as the class"),
    CLASS_F1: _class_score("F1"),
    CLASS_AUC: _class_score("ROC AUC"),
    TOP_K: _top_k,
    SPECIFICITY_AT: _specificity_at,
    NDCG_AT: _at_rank("NDCG", "Gain of the first items, discounted by rank, over the best possible."),
    MAP_AT: _at_rank("MAP", "Mean over the queries of the average precision among the first items."),
    CUSTOM: _function,
    FACT: _fact,
}


def metrics_for(task: str) -> tuple[Metric, ...]:
    """The metrics of a task, the ones people read first first. Raises KeyError for an unknown task."""
    if task not in TASKS:
        raise KeyError(task)
    return tuple(metric for metric in _ALL if task in metric.tasks)


OFFERED_RANKS: Final = (f"{NDCG_AT}5", f"{NDCG_AT}10", f"{MAP_AT}10")


def metrics_offered(task: str) -> tuple[Metric, ...]:
    """The metrics of a task that a form offers: of a ranking also those at usual ranks, first. Raises KeyError."""
    ranks = OFFERED_RANKS if task == RANKING else ()
    return (*(metric_get(name) for name in ranks), *metrics_for(task))


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What the two kinds of error are called in a problem, such as "wrongly released" and "wrongly held".

    A false positive is a row predicted positive that is negative. Words start lower case.
    """

    false_positive: str = "wrongly predicted positive"
    false_negative: str = "wrongly predicted negative"

    @classmethod
    def for_label(cls, positive_label: str | None) -> "ErrorWords":
        """Words made from the positive label when the problem states none."""
        if not positive_label:
            return cls()
        return cls(f"wrongly predicted {positive_label}", f"{positive_label} missed")

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "ErrorWords":
        """From {"false_positive", "false_negative"}; what is absent or empty takes its default."""
        given, plain = data or {}, cls()
        return cls(
            str(given.get("false_positive") or plain.false_positive),
            str(given.get("false_negative") or plain.false_negative),
        )

    def to_json(self) -> dict[str, str]:
        """As JSON."""
        return {"false_positive": self.false_positive, "false_negative": self.false_negative}

    def label(self, name: str) -> str:
        """The label of a metric in a problem's own words, such as "Wrongly held" for the second error."""
        if name == "fpr":
            return _capital(self.false_positive)
        if name == "fnr":
            return _capital(self.false_negative)
        return metric_get(name).label


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
