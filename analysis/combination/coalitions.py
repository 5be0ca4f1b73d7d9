"""The answers of every coalition of members by one rule, and the values per row that metrics are means of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import ClassCosts, Costs, UnitCosts
from analysis.contracts.findings.combination import CASCADE, MEAN, VOTE, RuleFound
from analysis.contracts.metrics import BINARY, MULTICLASS
from analysis.ensembles import Cascade, Mean, Vote
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput
from analysis.intervals import Floats
from analysis.segment_metrics.multiclass import price_table

LEAST_SURE: Final = 0.9
"""From which probability of its likeliest class a member of a cascade answers, when nothing else is asked."""
_FLOOR: Final = 1e-15

Said = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Together:
    """What a coalition says: `scores` as its members' are, None where votes only choose; `said` the answer of each row
    (bool, class number, or None of a regression, whose numbers are its `scores`).
    """

    scores: Floats | None
    said: Said | None


def rules_of(task: str, outputs: Sequence[ModelOutput], sure: float) -> tuple[RuleFound, ...]:
    """Which rules fit: numbers have a mean only, and labels without scores can only vote."""
    mean = RuleFound(MEAN, "Mean", "The mean of what the members predict.")
    if task not in (BINARY, MULTICLASS):
        return (mean,)
    bar = "the mean of the members' thresholds" if task == BINARY else "the class with the highest mean"
    tie = "a tie says positive" if task == BINARY else "a tie goes to the first class"
    vote = RuleFound(VOTE, "Vote", f"Each member says its answer; most votes win, {tie}.")
    if any(one.scores is None for one in outputs):
        return (vote,)
    means = RuleFound(MEAN, "Mean", f"The mean of the members' probabilities, judged at {bar}.")
    if task == MULTICLASS:
        means = RuleFound(MEAN, "Mean", f"The mean of the members' probabilities; {bar} is said.")
    order = (
        f"In their order, the first member whose likeliest class has a probability of at least {sure:g} answers, the "
        "last one in any case."
    )
    return means, vote, RuleFound(CASCADE, "Cascade", order)


def coalition_answers(
    rule: str, task: str, outputs: Sequence[ModelOutput], places: Sequence[int], sure: float
) -> Together:
    """What the members at those places say together; `outputs` are those of all members."""
    count = len(outputs)
    if task not in (BINARY, MULTICLASS):
        return Together(Mean()([np.asarray(outputs[at].predicted, np.float64) for at in places], places), None)
    if rule == VOTE:
        votes = [_said(outputs[at], task).astype(np.int64) for at in places]
        if task == BINARY:
            return Together(None, np.mean(votes, axis=0) >= 0.5)
        classes = int(max(vote.max(initial=0) for vote in votes)) + 1
        shares = Vote()([np.eye(classes)[vote] for vote in votes], places)
        return Together(None, shares.argmax(axis=1))
    scores = [np.asarray(outputs[at].scores, np.float64) for at in places]
    if rule == MEAN:
        found = Mean()(scores, places)
        if task == MULTICLASS:
            return Together(found, found.argmax(axis=1))
        return Together(found, found >= np.mean([_bar(outputs[at]) for at in places]))
    cascade = Cascade((sure,) * count)
    found = cascade(scores, places)
    said = _said(outputs[places[-1]], task).copy()
    for at, rows in zip(places, cascade.answered(scores, places), strict=True):
        said[rows] = _said(outputs[at], task)[rows]
    return Together(found, said)


def nobody(rows: EvaluationRows, task: str, classes: int) -> Together:
    """The answer without any model: the share of each class in these rows, its most frequent class, or their mean."""
    n = len(rows.truth)
    if task == BINARY:
        share = float(np.mean(rows.truth.astype(np.float64)))
        return Together(np.full(n, share), np.full(n, share >= 0.5))
    if task == MULTICLASS:
        shares = np.bincount(rows.truth.astype(np.int64), minlength=classes) / n
        return Together(np.tile(shares, (n, 1)), np.full(n, shares.argmax()))
    return Together(np.full(n, float(np.mean(rows.truth.astype(np.float64)))), None)


def answered_shares(task: str, outputs: Sequence[ModelOutput], sure: float) -> list[npt.NDArray[np.bool_]]:
    """Which rows each member answers in the cascade of all."""
    scores = [np.asarray(one.scores, np.float64) for one in outputs]
    return Cascade((sure,) * len(outputs)).answered(scores, range(len(outputs)))


def metrics_of(spec: EvaluateSpec) -> tuple[str, ...]:
    """The metrics that members are compared by, the one that a decision rests on first."""
    costs = ("cost_per_100",) if spec.costs is not None else ()
    if spec.task == BINARY:
        return (*costs, "accuracy", "fpr", "fnr", "roc_auc", "log_loss")
    if spec.task == MULTICLASS:
        return (*costs, "accuracy", "log_loss")
    return ("mae", *costs, "rmse")


def needs_scores(metric: str) -> bool:
    """Is the metric one of scores, which votes do not have?"""
    return metric in ("roc_auc", "log_loss")


def row_values(metric: str, together: Together, rows: EvaluationRows, spec: EvaluateSpec) -> Floats:
    """Per row, what the metric is the mean of; nan in rows that it leaves out. Of "rmse" the squared error."""
    truth = rows.truth
    if metric == "accuracy":
        return np.asarray(together.said == truth, np.float64)
    if metric == "fpr":
        return np.where(truth.astype(np.bool_), np.nan, np.asarray(together.said, np.float64))
    if metric == "fnr":
        return np.where(truth.astype(np.bool_), 1.0 - np.asarray(together.said, np.float64), np.nan)
    if metric == "cost_per_100":
        return 100 * _costs(together, truth, spec)
    if metric == "log_loss":
        return _log_loss(np.asarray(together.scores), truth, spec.task)
    apart = np.asarray(together.scores) - truth.astype(np.float64)
    return np.abs(apart) if metric == "mae" else apart**2


def _costs(together: Together, truth: npt.NDArray[np.generic], spec: EvaluateSpec) -> Floats:
    if isinstance(spec.costs, Costs):
        said, true = np.asarray(together.said, np.bool_), truth.astype(np.bool_)
        paid: Floats = spec.costs.false_positive * (said & ~true) + spec.costs.false_negative * (~said & true)
        return paid
    if isinstance(spec.costs, ClassCosts):
        prices = price_table(spec.costs, spec.classes or ())
        found: Floats = np.asarray(prices)[truth.astype(np.int64), np.asarray(together.said, np.int64)]
        return found
    per_unit = spec.costs.per_unit if isinstance(spec.costs, UnitCosts) else 0.0
    apart: Floats = per_unit * np.abs(np.asarray(together.scores) - truth.astype(np.float64))
    return apart


def _log_loss(scores: Floats, truth: npt.NDArray[np.generic], task: str) -> Floats:
    if task == BINARY:
        given = np.where(truth.astype(np.bool_), scores, 1 - scores)
    else:
        given = scores[np.arange(len(scores)), truth.astype(np.int64)]
    found: Floats = -np.log(np.clip(given, _FLOOR, 1.0))
    return found


def _bar(output: ModelOutput) -> float:
    return 0.5 if output.threshold is None else output.threshold


def _said(output: ModelOutput, task: str) -> Said:
    if task == BINARY:
        return np.asarray(np.asarray(output.scores) >= _bar(output))
    said = np.asarray(output.scores).argmax(axis=1) if output.predicted is None else np.asarray(output.predicted)
    return said.astype(np.int64)
