"""Traces and assessments out of what clients send."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.core.errors import Invalid
from apps.mlflow_api.api.limits import length_check
from apps.mlflow_api.door import Source, rows_of, text_of, word_of
from apps.traces.contracts import AssessmentDraft, TraceDraft

STATES = {0: "STATE_UNSPECIFIED", 1: "OK", 2: "ERROR", 3: "IN_PROGRESS"}
_SOURCES = {0: "SOURCE_TYPE_UNSPECIFIED", 1: "HUMAN", 2: "LLM_JUDGE", 3: "CODE"}
_JSON = "JSON_FORMAT"
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
# Cut to what a clock of ours holds.
_FINER = re.compile(r"(\.\d{6})\d+")
SPAN_ID = 100
_ONE_OF = "Exactly one of `expectation`, `feedback`, or `issue` should be specified."
ASSESSMENTS_PER_CALL = 100


def object_of(source: Source, name: str, *, required: bool = False) -> dict[str, Any]:
    """A JSON object, {} when it is missing. Raises Invalid."""
    value = source.get(name)
    if value is None and required:
        raise Invalid.field(name, f"Missing value for required parameter '{name}'.")
    if value is not None and not isinstance(value, dict):
        raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: a JSON object is expected.")
    return value or {}


def texts_by_key(source: Source, name: str) -> dict[str, str]:
    """An object of texts; other plain values become texts. Raises Invalid."""
    found = {}
    for key, value in object_of(source, name).items():
        if isinstance(value, dict | list):
            raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: its values are texts.")
        found[key] = value if isinstance(value, str) else json.dumps(value)
    return found


def moment_of(source: Source, name: str) -> datetime:
    """A time in proto JSON, such as 2026-05-01T12:00:00.123Z. Raises Invalid."""
    text = text_of(source, name)
    try:
        moment = datetime.fromisoformat(_FINER.sub(r"\1", text[:60]))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: no time in RFC 3339.") from error


def _duration_of(source: Source, name: str) -> int | None:
    """A duration in proto JSON, such as 1.5s, in milliseconds. Raises Invalid."""
    text = text_of(source, name, required=False)
    if not text:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: no duration such as 1.5s.")
    whole = timedelta(seconds=int(found[2])) // timedelta(milliseconds=1) + int((found[3] or "").ljust(3, "0")[:3])
    return -whole if found[1] else whole


def trace_draft_of(info: Source) -> TraceDraft:
    """A TraceInfoV3. Raises Invalid."""
    return TraceDraft(
        key=text_of(info, "trace_id"),
        started_at=moment_of(info, "request_time"),
        state=word_of(info, "state", STATES) or STATES[0],
        duration_ms=_duration_of(info, "execution_duration"),
        client_request=text_of(info, "client_request_id", required=False) or None,
        request=text_of(info, "request_preview", required=False) or None,
        response=text_of(info, "response_preview", required=False) or None,
        tags=texts_by_key(info, "tags"),
        metadata=texts_by_key(info, "trace_metadata"),
        assessments=[assessment_draft_of(row) for row in rows_of(info, "assessments", ASSESSMENTS_PER_CALL)],
    )


def assessment_draft_of(row: Source) -> AssessmentDraft:
    """An Assessment. Raises Invalid."""
    kind, value, error = judgement_of(row)
    if not kind:
        raise Invalid.field("assessment", _ONE_OF)
    source = object_of(row, "source")
    return AssessmentDraft(
        name=text_of(row, "assessment_name"),
        kind=kind,
        value=value,
        error=error,
        source_type=word_of(source, "source_type", _SOURCES) or _SOURCES[0],
        source_id=text_of(source, "source_id", required=False),
        rationale=text_of(row, "rationale", required=False),
        metadata=texts_by_key(row, "metadata"),
        span=length_check("span_id", text_of(row, "span_id", required=False), SPAN_ID),
        overrides=text_of(row, "overrides", required=False),
    )


def judgement_of(row: Source) -> tuple[str, Any, Mapping[str, str] | None]:
    """(kind, value, error) of an Assessment; "" for one without any. Raises Invalid, also for more than one."""
    feedback, expectation, issue = row.get("feedback"), row.get("expectation"), row.get("issue")
    if sum(said is not None for said in (feedback, expectation, issue)) > 1:
        raise Invalid.field("assessment", _ONE_OF)
    if issue is not None:
        return "ISSUE", text_of(object_of(row, "issue"), "issue_name"), None
    if feedback is not None:
        told = object_of(row, "feedback")
        error = object_of(told, "error") or object_of(row, "error")
        return "FEEDBACK", told.get("value"), texts_by_key({"error": error}, "error") if error else None
    if expectation is not None:
        told = object_of(row, "expectation")
        return "EXPECTATION", _expected(told), None
    return "", None, None


def _expected(told: Source) -> Any:
    serialized = object_of(told, "serialized_value")
    if not serialized:
        return told.get("value")
    if text_of(serialized, "serialization_format", required=False) not in ("", _JSON):
        raise Invalid.field("expectation", "Unknown serialization format. Only JSON_FORMAT is supported.")
    try:
        return json.loads(text_of(serialized, "value"))
    except (ValueError, RecursionError) as error:
        raise Invalid.field("expectation", f"The serialized value is not JSON: {error}") from error
