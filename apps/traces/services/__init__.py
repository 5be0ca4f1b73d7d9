"""All writes of traces, their spans, assessments and files."""

from apps.traces.services.assessments import (
    assessment_create,
    assessment_delete,
    assessment_update,
)
from apps.traces.services.files import trace_file_store
from apps.traces.services.spans import spans_store
from apps.traces.services.traces import (
    LINKS_LIMIT,
    PROMPTS_LIMIT,
    prompts_link,
    trace_describe,
    trace_end,
    trace_tag_delete,
    trace_tag_set,
    traces_delete,
    traces_link,
)

__all__ = [
    "LINKS_LIMIT",
    "PROMPTS_LIMIT",
    "assessment_create",
    "assessment_delete",
    "assessment_update",
    "prompts_link",
    "spans_store",
    "trace_describe",
    "trace_end",
    "trace_file_store",
    "trace_tag_delete",
    "trace_tag_set",
    "traces_delete",
    "traces_link",
]
