"""Running behaviour tests (`contracts.behaviour`) on a model: any function from a table to outputs."""

from analysis.behaviour.changes import Changed, rows_change
from analysis.behaviour.running import (
    FAIL,
    NOT_EVALUATED,
    PASS,
    BehaviourResult,
    FailingRow,
    Subject,
    behaviour_run,
    rows_chosen,
)

__all__ = [
    "FAIL",
    "NOT_EVALUATED",
    "PASS",
    "BehaviourResult",
    "Changed",
    "FailingRow",
    "Subject",
    "behaviour_run",
    "rows_change",
    "rows_chosen",
]
