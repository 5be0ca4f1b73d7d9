"""Reading problems: everything is limited to what the actor may see."""

from apps.problems.selectors.facts import (
    costs_of,
    currency_of,
    error_words,
    limit_text,
    missing_items,
    missing_list,
    threshold_of,
)
from apps.problems.selectors.segments import (
    segment_list,
    segment_specs,
    segments_by_name,
    segments_of,
    spec_of,
)
from apps.problems.selectors.versions import (
    acceptors_of,
    objective_list,
    objectives_in_force,
    problem_get,
    problem_list,
    version_current,
    version_get,
    version_list,
    version_open,
    version_shown,
    versions_visible,
    versions_waiting,
)

__all__ = [
    "acceptors_of",
    "costs_of",
    "currency_of",
    "error_words",
    "limit_text",
    "missing_items",
    "missing_list",
    "objective_list",
    "objectives_in_force",
    "problem_get",
    "problem_list",
    "segment_list",
    "segment_specs",
    "segments_by_name",
    "segments_of",
    "spec_of",
    "threshold_of",
    "version_current",
    "version_get",
    "version_list",
    "version_open",
    "version_shown",
    "versions_visible",
    "versions_waiting",
]
