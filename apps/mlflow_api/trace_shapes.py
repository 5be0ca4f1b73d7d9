"""Traces, spans and assessments in MLflow's JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apps.mlflow_api.door import LARGEST
from apps.mlflow_api.shapes import millis, pairs
from apps.traces.contracts import FILES_TAG, NAME_TAG, SPANS_TAG, TOKENS_KEY, TRACE_KEY
from apps.traces.selectors import spans_complete

if TYPE_CHECKING:
    from apps.traces.models import Assessment, Span, Trace

_STATUS = {"OK": "STATUS_CODE_OK", "ERROR": "STATUS_CODE_ERROR"}
# Whole numbers outside these are doubles to protocol buffers.
_INT64 = range(-(2**63), 2**63)


def moment_text(moment: datetime) -> str:
    """A time as proto JSON writes it, to the millisecond: clients hold no finer one."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _duration_text(milliseconds: int) -> str:
    sign, whole = ("-" if milliseconds < 0 else ""), abs(milliseconds)
    return f"{sign}{whole // 1000}.{whole % 1000:03}s"


def files_root(trace: Trace) -> str:
    return f"mlflow-artifacts:/{trace.experiment.number}/traces/{trace.key}/artifacts"


def trace_tags(trace: Trace, *, has_file: bool) -> dict[str, str]:
    """Tags as clients see them, with the name and where files and spans are.

    Spans are here when all have come in. Until then the client that ends the trace is left to send its file; a reader
    gets what there is unless there is that file.
    """
    tags = {**trace.tags, FILES_TAG: files_root(trace)}
    if trace.name:
        tags[NAME_TAG] = trace.name
    if spans_complete(trace) or (trace.span_count and not has_file):
        tags[SPANS_TAG] = "TRACKING_STORE"
    return tags


def trace_metadata(trace: Trace) -> dict[str, str]:
    if trace.usage and TOKENS_KEY not in trace.metadata:
        return {**trace.metadata, TOKENS_KEY: json.dumps(trace.usage)}
    return dict(trace.metadata)


def trace_info_shape(trace: Trace, assessments: Iterable[Assessment] = (), *, has_file: bool = False) -> dict[str, Any]:
    """A trace without its spans (TraceInfoV3)."""
    shape: dict[str, Any] = {
        "trace_id": trace.key,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(trace.experiment.number)},
        },
        "request_time": moment_text(trace.started_at),
        "state": trace.state,
        "trace_metadata": trace_metadata(trace),
        "tags": trace_tags(trace, has_file=has_file),
    }
    if trace.client_request:
        shape["client_request_id"] = trace.client_request
    if trace.request is not None:
        shape["request_preview"] = trace.request
    if trace.response is not None:
        shape["response_preview"] = trace.response
    if trace.duration_ms is not None:
        shape["execution_duration"] = _duration_text(trace.duration_ms)
    told = [assessment_shape(trace, assessment) for assessment in assessments]
    return {**shape, "assessments": told} if told else shape


def trace_info_shape_2(trace: Trace, *, has_file: bool = False) -> dict[str, Any]:
    """A trace without its spans as MLflow 2 has it (TraceInfo)."""
    shape = {
        "request_id": trace.key,
        "experiment_id": str(trace.experiment.number),
        "timestamp_ms": millis(trace.started_at),
        "status": trace.state.replace("STATE", "TRACE_STATUS") if trace.state.startswith("STATE") else trace.state,
        "request_metadata": pairs(trace_metadata(trace)),
        "tags": pairs(trace_tags(trace, has_file=has_file)),
    }
    return shape if trace.duration_ms is None else {**shape, "execution_time_ms": trace.duration_ms}


def assessment_shape(trace: Trace, assessment: Assessment) -> dict[str, Any]:
    """An assessment; lists and objects that are expected stand as the text of their JSON, as clients write them."""
    value: dict[str, Any] = {"value": assessment.value}
    if assessment.kind == assessment.Kind.ISSUE:
        value = {"issue_name": assessment.value}
    elif assessment.kind == assessment.Kind.EXPECTATION and isinstance(assessment.value, list | dict):
        serialized = {"serialization_format": "JSON_FORMAT", "value": json.dumps(assessment.value)}
        value = {"serialized_value": serialized}
    if assessment.error is not None:
        value["error"] = assessment.error
    shape: dict[str, Any] = {
        "assessment_id": f"a-{assessment.pk.hex}",
        "assessment_name": assessment.name,
        "trace_id": trace.key,
        "source": {"source_type": assessment.source_type, "source_id": assessment.source_id},
        "create_time": moment_text(assessment.created_at),
        "last_update_time": moment_text(assessment.updated_at),
        assessment.kind.lower(): value,
        "metadata": assessment.metadata,
        "valid": assessment.valid,
    }
    if assessment.span:
        shape["span_id"] = assessment.span
    if assessment.rationale:
        shape["rationale"] = assessment.rationale
    if assessment.overrides_id is not None:
        shape["overrides"] = f"a-{assessment.overrides_id.hex}"
    return shape


def span_shape(trace: Trace, span: Span) -> dict[str, Any]:
    """A span as OpenTelemetry's message in proto JSON."""
    shape: dict[str, Any] = {
        "trace_id": _bytes(trace.key.removeprefix("tr-"), 16),
        "span_id": _bytes(span.key, 8),
        "name": span.name,
        "start_time_unix_nano": str(span.started_ns),
        "attributes": _attributes({**span.attributes, TRACE_KEY: trace.key}),
        "status": {"code": _STATUS.get(span.status, "STATUS_CODE_UNSET")},
    }
    if span.message:
        shape["status"]["message"] = span.message
    if span.ended_ns is not None:
        shape["end_time_unix_nano"] = str(span.ended_ns)
    if span.parent:
        shape["parent_span_id"] = _bytes(span.parent, 8)
    if span.events:
        shape["events"] = [
            {
                "name": event["name"],
                "time_unix_nano": str(event["time_ns"]),
                "attributes": _attributes(event["attributes"]),
            }
            for event in span.events
        ]
    if span.links:
        shape["links"] = [
            {
                "trace_id": _bytes(link["trace"], 16),
                "span_id": _bytes(link["span"], 8),
                "attributes": _attributes(link["attributes"]),
            }
            for link in span.links
        ]
    return shape


def _bytes(digits: str, size: int) -> str:
    """Hexadecimal digits as proto JSON writes bytes; of ids that are no digits the first signs."""
    try:
        raw = bytes.fromhex(digits.rjust(size * 2, "0"))
    except ValueError:
        raw = digits.encode()[:size].rjust(size, b"\0")
    return base64.b64encode(raw).decode()


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any(value)} for key, value in values.items()]


def _any(value: Any) -> dict[str, Any]:
    """A value as OpenTelemetry's AnyValue."""
    match value:
        case None:
            return {}
        case bool():
            return {"bool_value": value}
        case str():
            return {"string_value": value}
        case int() if value in _INT64:
            return {"int_value": str(value)}
        case int() | float() if abs(value) <= LARGEST:
            return {"double_value": float(value)}
        case list():
            return {"array_value": {"values": [_any(held) for held in value]}}
        case dict():
            return {"kvlist_value": {"values": _attributes(value)}}
    return {"string_value": str(value)}
