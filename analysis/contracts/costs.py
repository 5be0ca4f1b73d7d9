"""What errors cost, for each task, and the decision threshold that follows for two classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from analysis.contracts.metrics import BINARY, MULTICLASS, REGRESSION


@dataclass(frozen=True, slots=True)
class Costs:
    """Two classes: money lost to one false positive and to one false negative."""

    false_positive: float
    false_negative: float

    def __post_init__(self) -> None:
        if min(self.false_positive, self.false_negative) < 0:
            raise ValueError("Costs of errors are zero or more")


@dataclass(frozen=True, slots=True)
class ClassCosts:
    """Many classes: money lost to one wrong answer, and by truth and prediction where that differs."""

    per_error: float = 0.0
    matrix: Mapping[str, Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        if min(self.per_error, *(cost for row in (self.matrix or {}).values() for cost in row.values()), 0) < 0:
            raise ValueError("Costs of errors are zero or more")

    def price(self, truth: str, prediction: str) -> float:
        """Money lost when a row of the class `truth` is predicted as `prediction`; a right answer costs nothing unless
        the matrix says so.
        """
        plain = 0.0 if truth == prediction else self.per_error
        return (self.matrix or {}).get(truth, {}).get(prediction, plain)


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """A regression: money lost to each unit of the target that a prediction is off by."""

    per_unit: float

    def __post_init__(self) -> None:
        if self.per_unit < 0:
            raise ValueError("Costs of errors are zero or more")


TaskCosts: TypeAlias = Costs | ClassCosts | UnitCosts
COSTS_OF: Final[Mapping[str, type[TaskCosts]]] = {BINARY: Costs, MULTICLASS: ClassCosts, REGRESSION: UnitCosts}


def costs_read(task: str, data: Mapping[str, Any] | None) -> TaskCosts | None:
    """The costs of a task from JSON: {"false_positive", "false_negative"}, {"per_error", "matrix"?} or {"per_unit"}.

    None when those of this task are not stated. Raises ValueError for negative costs.
    """
    given = data or {}
    if task == BINARY:
        stated = given.get("false_positive") is not None and given.get("false_negative") is not None
        return Costs(float(given["false_positive"]), float(given["false_negative"])) if stated else None
    if task == MULTICLASS:
        matrix = given.get("matrix")
        if given.get("per_error") is None and not matrix:
            return None
        rows = (
            {str(truth): {str(said): float(cost) for said, cost in row.items()} for truth, row in matrix.items()}
            if matrix
            else None
        )
        return ClassCosts(float(given.get("per_error") or 0), rows)
    if task != REGRESSION:
        return None
    return None if given.get("per_unit") is None else UnitCosts(float(given["per_unit"]))


def threshold_from_costs(false_positive: float, false_negative: float) -> float:
    """The probability from which predicting positive costs less: c_fp / (c_fp + c_fn); 0.5 for equal costs.

    At that probability p both mistakes have the same expected cost: (1 - p) c_fp = p c_fn. Raises ValueError for
    negative costs or when both are zero.
    """
    if min(false_positive, false_negative) < 0 or false_positive + false_negative <= 0:
        raise ValueError("The costs of the two errors are zero or more, and not both zero")
    return false_positive / (false_positive + false_negative)
