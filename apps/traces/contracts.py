"""Traces as a client tells of them, and the tags that mean a field here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

NAME_TAG = "mlflow.traceName"
# Where a trace's files are and where its spans are: said by the server, never kept.
FILES_TAG = "mlflow.artifactLocation"
SPANS_TAG = "mlflow.trace.spansLocation"
SERVER_TAGS = frozenset({FILES_TAG, SPANS_TAG, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"})

# Metadata with a meaning: the run that was active, the tokens used, what the client sent.
RUN_KEY = "mlflow.sourceRun"
TOKENS_KEY = "mlflow.trace.tokenUsage"
SIZES_KEY = "mlflow.trace.sizeStats"
SCHEMA_KEY = "mlflow.trace_schema.version"
SESSION_KEY = "mlflow.trace.session"
USER_KEY = "mlflow.trace.user"

# Attributes of spans with a meaning.
INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
SPAN_TYPE = "mlflow.spanType"
SPAN_TOKENS = "mlflow.chat.tokenUsage"
TRACE_KEY = "mlflow.traceRequestId"
TAG_PREFIX = "mlflow.traceTag."

# The file in which clients keep the spans that a server does not take.
SPANS_FILE = "traces.json"
ATTACHMENTS = "attachments/"


@dataclass(frozen=True, slots=True)
class SpanDraft:
    """A span; times in nanoseconds since 1970, ids as hexadecimal digits, values as JSON holds them.

    `events` hold {"name", "time_ns", "attributes"}, `links` {"trace", "span", "attributes"}.
    """

    trace: str
    key: str
    parent: str
    name: str
    status: str
    started_ns: int
    ended_ns: int | None
    message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    # What is said of everything that the process sends: {"service.name": ...}
    resource: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssessmentDraft:
    """A judgement of a trace or of one of its spans: feedback on what was, or an expectation of what should be."""

    name: str
    kind: str
    value: Any = None
    error: Mapping[str, str] | None = None
    source_type: str = "HUMAN"
    source_id: str = "default"
    rationale: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    span: str = ""
    # The assessment that this one replaces.
    overrides: str = ""


@dataclass(frozen=True, slots=True)
class TraceDraft:
    """A trace as its client describes it; `duration_ms` is empty while it goes on, None leaves a text as it is."""

    key: str
    started_at: datetime
    state: str
    duration_ms: int | None = None
    client_request: str | None = None
    request: str | None = None
    response: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    assessments: Sequence[AssessmentDraft] = ()
