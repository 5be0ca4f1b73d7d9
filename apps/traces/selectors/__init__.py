"""Reading traces."""

from apps.traces.selectors.metrics import AGGREGATIONS_LIMIT, Aggregation, Question, trace_metric_points
from apps.traces.selectors.metrics import LIMIT as METRICS_LIMIT
from apps.traces.selectors.search import trace_filter_counts, trace_search_page
from apps.traces.selectors.traces import (
    assessment_get,
    assessments_of,
    file_counts,
    has_traces,
    span_iterate,
    span_list,
    spans_complete,
    spans_declared,
    trace_blob_needed,
    trace_by_id,
    trace_file_find,
    trace_files,
    trace_get,
    trace_list,
    trace_search,
    traces_by_keys,
)
from apps.traces.selectors.tree import Branch, branches_ordered, span_failed, span_find, span_tree

__all__ = [
    "AGGREGATIONS_LIMIT",
    "METRICS_LIMIT",
    "Aggregation",
    "Branch",
    "Question",
    "assessment_get",
    "assessments_of",
    "branches_ordered",
    "file_counts",
    "has_traces",
    "span_failed",
    "span_find",
    "span_iterate",
    "span_list",
    "span_tree",
    "spans_complete",
    "spans_declared",
    "trace_blob_needed",
    "trace_by_id",
    "trace_file_find",
    "trace_files",
    "trace_filter_counts",
    "trace_get",
    "trace_list",
    "trace_metric_points",
    "trace_search",
    "trace_search_page",
    "traces_by_keys",
]
