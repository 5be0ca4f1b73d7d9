"""OpenTelemetry's spans out of a request's bytes.

A message that is small on the wire can grow a hundredfold in memory: an empty span is two bytes. So the bytes are
walked first, lists are cut into their parts without being read, parts are counted, and one span is read at a time.
"""

from __future__ import annotations

import base64
import math
import re
import zlib
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from apps.core.errors import Invalid, TooLarge
from apps.traces.contracts import TRACE_KEY, SpanDraft

# Bytes once unpacked; spans of one request, and of a span the values in its attributes, events and links.
BODY_LIMIT = 8 * 1024 * 1024
SPAN_LIMIT = 4 * 1024 * 1024
SPANS_PER_CALL = 10_000
VALUES_PER_SPAN = 100_000
DEPTH = 64
LATEST_NS = 2**63 - 1
_STATUSES = {Status.STATUS_CODE_OK: "OK", Status.STATUS_CODE_ERROR: "ERROR"}
# Field numbers: of a request and of ResourceSpans and ScopeSpans.
_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SPANS = 1, 1, 2, 2
_WRONG = "Invalid OpenTelemetry format"
WRONG_ID = (
    "Cannot convert OpenTelemetry span to MLflow span: its trace_id has 16 bytes, its span_id 8, not all of them zero."
)
_LONE = re.compile("[\ud800-\udfff]")


def unpacked(raw: bytes, encoding: str) -> bytes:
    """The bytes of a body as its Content-Encoding says, never more than the limit. Raises Invalid, TooLarge."""
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "deflate"):
        raise Invalid(f"Unsupported Content-Encoding: {encoding[:40]}")
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
    try:
        data = reader.decompress(raw, BODY_LIMIT + 1)
    except zlib.error as error:
        raise Invalid(f"Failed to decompress {encoding} payload") from error
    if len(data) > BODY_LIMIT:
        raise TooLarge(f"Spans are more than {BODY_LIMIT} bytes once unpacked. Send them in parts.")
    if not reader.eof:
        raise Invalid(f"Failed to decompress {encoding} payload")
    return data


class SpanRefused(Invalid):
    """One span that cannot be kept; the others of its request can."""


def spans_of(body: bytes) -> Iterator[SpanDraft | SpanRefused]:
    """The spans of an ExportTraceServiceRequest, each kept or refused by itself. Raises Invalid, TooLarge."""
    count = 0
    for group in _parts(body, _RESOURCE_SPANS):
        resource = _resource(group)
        for scope in _parts(group, _SCOPE_SPANS):
            for raw in _parts(scope, _SPANS):
                count += 1
                if count > SPANS_PER_CALL:
                    raise TooLarge(f"A request holds at most {SPANS_PER_CALL} spans. Send them in parts.")
                _small(raw)
                try:
                    yield _draft(raw, resource)
                except SpanRefused as refusal:
                    yield refusal


def _small(raw: bytes) -> None:
    if len(raw) > SPAN_LIMIT:
        raise TooLarge(f"A span has at most {SPAN_LIMIT} bytes.")


def _parts(data: bytes, wanted: int) -> Iterator[bytes]:
    """The values of a repeated message field, uncopied fields of other numbers passed over. Raises Invalid."""
    place, seen = 0, 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        seen += 1
        if number == 0 or seen > 4 * SPANS_PER_CALL:
            raise Invalid(_WRONG)
        if kind == 0:
            _, place = _varint(data, place)
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, place = _varint(data, place)
        if size is None or place + size > len(data):
            raise Invalid(_WRONG)
        if kind == 2 and number == wanted:
            yield data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise Invalid(_WRONG)


def _resource(group: bytes) -> dict[str, Any]:
    """What is said of the process that made the spans."""
    found: dict[str, Any] = {}
    for raw in _parts(group, _RESOURCE):
        _small(raw)
        try:
            found |= _values(Resource.FromString(raw).attributes, Budget())
        except DecodeError as error:
            raise Invalid(_WRONG) from error
    return found


class Budget:
    """How many values may still be read of a span."""

    def __init__(self) -> None:
        self.left = VALUES_PER_SPAN

    def take(self, depth: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooLarge(f"A span holds at most {VALUES_PER_SPAN} values.")
        if depth > DEPTH:
            raise SpanRefused(f"Values of a span are nested at most {DEPTH} deep.")


def _draft(raw: bytes, resource: dict[str, Any]) -> SpanDraft:
    try:
        span = SpanMessage.FromString(raw)
    except DecodeError as error:
        raise Invalid(_WRONG) from error
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
        raise SpanRefused(WRONG_ID)
    if not any(span.trace_id) or not any(span.span_id):
        raise SpanRefused(WRONG_ID)
    budget = Budget()
    attributes = _values(span.attributes, budget)
    attributes.pop(TRACE_KEY, None)
    parent = span.parent_span_id.hex()
    return SpanDraft(
        trace=f"tr-{span.trace_id.hex()}",
        key=span.span_id.hex(),
        parent="" if parent == "0" * 16 else parent,
        name=text_kept(span.name),
        status=_STATUSES.get(span.status.code, "UNSET"),
        message=text_kept(span.status.message),
        started_ns=min(span.start_time_unix_nano, LATEST_NS),
        ended_ns=min(span.end_time_unix_nano, LATEST_NS) or None,
        attributes=attributes,
        events=[
            {
                "name": text_kept(event.name),
                "time_ns": min(event.time_unix_nano, LATEST_NS),
                "attributes": _values(event.attributes, budget),
            }
            for event in span.events
        ],
        links=[
            {
                "trace": link.trace_id[:16].hex(),
                "span": link.span_id[:8].hex(),
                "attributes": _values(link.attributes, budget),
            }
            for link in span.links
        ],
        resource=resource,
    )


def text_kept(text: str) -> str:
    """A text that the database keeps."""
    return _LONE.sub("\ufffd", text.replace("\x00", "\ufffd"))


def _values(pairs: Any, budget: Budget, depth: int = 0) -> dict[str, Any]:
    return {text_kept(pair.key): _value(pair.value, budget, depth) for pair in pairs}


def _value(held: AnyValue, budget: Budget, depth: int) -> Any:
    """A value as JSON holds it: NaN and infinities as words, bytes in base64."""
    budget.take(depth)
    match held.WhichOneof("value"):
        case "string_value":
            return text_kept(held.string_value)
        case "bool_value":
            return held.bool_value
        case "int_value":
            return held.int_value
        case "double_value":
            return held.double_value if math.isfinite(held.double_value) else str(held.double_value)
        case "array_value":
            return [_value(one, budget, depth + 1) for one in held.array_value.values]
        case "kvlist_value":
            return _values(held.kvlist_value.values, budget, depth + 1)
        case "bytes_value":
            return base64.b64encode(held.bytes_value).decode()
    return None
