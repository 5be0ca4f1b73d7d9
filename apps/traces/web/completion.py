"""What the filter bar of traces proposes at its cursor."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.core.filter_language import Gap, name_written
from apps.core.web.filter_words import Proposal
from apps.traces import selectors
from apps.traces.models import Trace

_ATTRIBUTES = {
    "status": "OK, ERROR or IN_PROGRESS",
    "name": "name of the trace",
    "execution_time": "ms that it took",
    "timestamp_ms": "ms since 1970",
    "end_time": "ms since 1970",
    "run_id": "id of a run that it is linked to",
    "client_request_id": "id in the system that asked",
    "trace_id": "id",
    "text": "anything in its spans",
    "prompt": "name/version that it used",
}
_SPAN = {"name": "a step's name", "type": "a step's kind", "status": "a step's end", "content": "anything in a step"}
_PAIRS = {"tags": "tag", "metadata": "metadata"}
_JUDGED = {"feedback": "feedback", "expectation": "expectation"}


def trace_fields(traces: QuerySet[Trace]) -> list[Proposal]:
    """What traces such as these can be found by."""
    found = [Proposal(name, detail) for name, detail in _ATTRIBUTES.items()]
    found += [Proposal(f"span.{key}", detail) for key, detail in _SPAN.items()]
    for prefix, word in _JUDGED.items():
        names = selectors.assessment_names(traces, prefix.upper())
        found += [Proposal(name_written(prefix, name), word) for name in names]
    for column, word in _PAIRS.items():
        found += [Proposal(name_written(column, key), word) for key in selectors.pair_keys(traces, column)]
    return [*found, Proposal("issue.id", "an issue that it shows")]


def trace_values(traces: QuerySet[Trace], gap: Gap) -> list[str]:
    """The texts that a field of traces has."""
    field = gap.field
    if field is None:
        return []
    if field.kind in _PAIRS:
        return selectors.pair_values(traces, field.kind, field.key)
    if field.kind == "span" and field.key in ("name", "type", "status"):
        return selectors.span_values(traces, field.key)
    if field.kind == "issue":
        return selectors.assessment_names(traces, "ISSUE")
    match field.key:
        case "status":
            return [state.value for state in (Trace.State.OK, Trace.State.ERROR, Trace.State.IN_PROGRESS)]
        case "name":
            return selectors.trace_names(traces)
        case "prompt":
            return selectors.prompt_names(traces)
    return []
