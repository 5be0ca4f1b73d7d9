"""Several models on the same rows: every coalition by mean, vote and cascade, and what each member adds.

A share of a member is a sum over coalitions, so that its interval needs no draws: each metric is a mean of values per
row (or has influence values per row, as areas do), the same sum of those is the share's value per row, and its standard
error that of their mean. Rows stay paired by that throughout.
"""

from analysis.combination.coalitions import (
    LEAST_SURE,
    Together,
    answered_shares,
    coalition_answers,
    metrics_of,
    needs_scores,
    nobody,
    row_values,
    rules_of,
)
from analysis.combination.shares import Measured, Part, influences_measure, means_measure, wanted_sums

__all__ = [
    "LEAST_SURE",
    "Measured",
    "Part",
    "Together",
    "answered_shares",
    "coalition_answers",
    "influences_measure",
    "means_measure",
    "metrics_of",
    "needs_scores",
    "nobody",
    "row_values",
    "rules_of",
    "wanted_sums",
]
