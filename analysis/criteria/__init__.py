"""Fairness criteria: which there are, how far each holds in the groups of a segment, and which cannot hold together.

numpy only. Every number has an interval by the rule of `analysis.fairness`; what cannot be measured says why.
"""

from analysis.contracts.criteria import CRITERIA, Criterion, criteria_for
from analysis.criteria.conflicts import class_conflicts_find, conflicts_find
from analysis.criteria.results import CriterionResult, holding_find
from analysis.criteria.tasks import (
    binary_criteria,
    multiclass_criteria,
    ranking_criteria,
    regression_criteria,
)

__all__ = [
    "CRITERIA",
    "Criterion",
    "CriterionResult",
    "binary_criteria",
    "class_conflicts_find",
    "conflicts_find",
    "criteria_for",
    "holding_find",
    "multiclass_criteria",
    "ranking_criteria",
    "regression_criteria",
]
