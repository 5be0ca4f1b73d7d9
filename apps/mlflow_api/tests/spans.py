"""OpenTelemetry requests for tests."""

from __future__ import annotations

import secrets
from typing import Any

from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from apps.mlflow_api.tests.conftest import Person

START_NS = 1_780_000_000_000_000_000


def request_of(*spans: SpanMessage, service: str = "") -> bytes:
    """The bytes of a request that holds these spans."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    if service:
        group.resource.attributes.add(key="service.name").value.string_value = service
    group.scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def span_of(
    trace: bytes = b"", *, key: bytes = b"", parent: bytes = b"", name: str = "step", **more: Any
) -> SpanMessage:
    """A span of 20 ms."""
    return SpanMessage(
        trace_id=trace or secrets.token_bytes(16),
        span_id=key or secrets.token_bytes(8),
        parent_span_id=parent,
        name=name,
        start_time_unix_nano=START_NS,
        end_time_unix_nano=START_NS + 20_000_000,
        **more,
    )


def spans_send(
    who: Person | dict[str, str],
    body: bytes,
    experiment: object,
    *,
    kind: str = "application/x-protobuf",
    **headers: str,
) -> Any:
    """The answer to a request at /v1/traces."""
    client = Client(headers=who if isinstance(who, dict) else who.headers)
    named = {"x-mlflow-experiment-id": str(experiment), **headers}
    return client.post("/v1/traces", body, content_type=kind, headers=named)
