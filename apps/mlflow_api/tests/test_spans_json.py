"""OpenTelemetry's spans as JSON: read as the specification writes them, refused one by one, never a server's error."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.mlflow_api import otlp
from apps.mlflow_api.tests.conftest import Person, person_make
from apps.mlflow_api.tests.spans import request_of, span_of, spans_send
from apps.traces.models import Span, Trace

pytestmark = pytest.mark.django_db
JSON = "application/json"
# As in the specification's own example, with the ids' letters in capitals.
TRACE, SPAN, PARENT = "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174", "EEE19B7EC3C1B173"


def span_json(**fields: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "I'm a server span",
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "kind": 2,
        **fields,
    }


def body_of(*spans: Any, **resource: str) -> bytes:
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
    group = {"resource": {"attributes": attributes}, "scopeSpans": [{"scope": {"name": "lib"}, "spans": list(spans)}]}
    return json.dumps({"resourceSpans": [group]}).encode()


def sent(person: Person, body: bytes, **headers: str) -> Any:
    return spans_send(person, body, person.experiment.number, kind=JSON, **headers)


def test_a_request_as_the_specification_writes_it_is_kept(person: Person):
    values = {
        "text": ({"stringValue": "a"}, "a"),
        "yes": ({"boolValue": True}, True),
        "int": ({"intValue": "9007199254740993"}, 9007199254740993),
        "plain int": ({"intValue": 7}, 7),
        "double": ({"doubleValue": 0.5}, 0.5),
        "nan": ({"doubleValue": "NaN"}, "nan"),
        "list": ({"arrayValue": {"values": [{"stringValue": "x"}, {"intValue": "1"}]}}, ["x", 1]),
        "object": ({"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}}, {"k": False}),
        "bytes": ({"bytesValue": "/w=="}, "/w=="),
        "nothing": ({}, None),
    }
    span = span_json(
        parentSpanId=PARENT,
        status={"code": 2, "message": "no"},
        attributes=[{"key": key, "value": value} for key, (value, _) in values.items()],
        events=[{"name": "e", "timeUnixNano": 1544712660500000000, "attributes": []}],
        links=[{"traceId": TRACE, "spanId": PARENT}],
        unknownField={"is": ["passed", "over"]},
        start_time_unix_nano="1",
    )

    answer = sent(person, body_of(span, **{"service.name": "shop"}))

    assert (answer.status_code, answer["Content-Type"], answer.json()) == (200, JSON, {})
    kept = Span.objects.select_related("trace").get()
    assert (kept.trace.key, kept.key, kept.parent) == (f"tr-{TRACE.lower()}", SPAN.lower(), PARENT.lower())
    assert (kept.started_ns, kept.ended_ns) == (1544712660000000000, 1544712661000000000)
    assert (kept.status, kept.message) == ("ERROR", "no")
    assert kept.attributes == {key: value for key, (_, value) in values.items()}
    assert kept.events == [{"name": "e", "time_ns": 1544712660500000000, "attributes": {}}]
    assert kept.links == [{"trace": TRACE.lower(), "span": PARENT.lower(), "attributes": {}}]
    assert kept.trace.tags == {"service.name": "shop"}
    assert kept.trace.experiment_id == person.experiment.pk


@pytest.mark.parametrize(
    "wrong",
    [
        {"traceId": "W47/95gDgQPSabYzgT/GDA=="},
        {"traceId": "0" * 32},
        {"spanId": "EEE19B7EC3C1B17"},
        {"spanId": None},
        {"parentSpanId": 7},
        {"startTimeUnixNano": "yesterday"},
        {"startTimeUnixNano": True},
        {"name": ["a"]},
        {"status": {"code": "STATUS_CODE_OK"}},
        {"status": {"code": [1]}},
        {"status": "OK"},
        {"attributes": {"k": "v"}},
        {"attributes": [{"key": "k", "value": "v"}]},
        {"attributes": [{"key": "k", "value": {"intValue": "1.5"}}]},
        {"attributes": [{"key": "k", "value": {"intValue": str(2**63)}}]},
        {"attributes": [{"key": "k", "value": {"bytesValue": "?"}}]},
        {"attributes": [{"key": "k", "value": {"arrayValue": {"values": 1}}}]},
        {"events": [1]},
        {"links": [{}]},
    ],
)
def test_a_span_that_cannot_be_kept_is_told_and_the_others_are_kept(person: Person, wrong: dict[str, Any]):
    fine = span_json(spanId="0000000000000001")

    alone = sent(person, body_of(span_json(**wrong)))
    together = sent(person, body_of(span_json(**wrong), fine))

    assert (alone.status_code, alone.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert together.status_code == 200
    assert together.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert together.json()["partialSuccess"]["errorMessage"]
    assert list(Span.objects.values_list("key", flat=True)) == ["0000000000000001"]


def test_protocol_buffers_tell_a_refused_span_too(person: Person):
    answer = spans_send(person, request_of(span_of(b"short"), span_of()), person.experiment.number)

    told = ExportTraceServiceResponse.FromString(answer.content)
    assert (answer.status_code, told.partial_success.rejected_spans) == (200, 1)
    assert "16 bytes" in told.partial_success.error_message
    assert Span.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"resourceSpans": {}}',
        b'{"resourceSpans": [1]}',
        b'{"resourceSpans": [{"resource": 1}]}',
        b'{"resourceSpans": [{"resource": {"attributes": [{"key": "k", "value": 1}]}}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": "a"}]}]}',
        b'{"resourceSpans": NaN}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
    ],
    ids=range(12),
)
def test_what_is_no_request_of_spans_is_refused(person: Person, body: bytes):
    answer = sent(person, body)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not Trace.objects.exists()


def test_limits_are_those_of_protocol_buffers(person: Person, monkeypatch: pytest.MonkeyPatch):
    many = {"arrayValue": {"values": [{}] * (otlp.VALUES_PER_SPAN + 1)}}
    deep: dict[str, Any] = {"stringValue": "x"}
    for _ in range(otlp.DEPTH + 2):
        deep = {"arrayValue": {"values": [deep]}}

    values = sent(person, body_of(span_json(attributes=[{"key": "k", "value": many}])))
    nested = sent(person, body_of(span_json(attributes=[{"key": "k", "value": deep}])))
    monkeypatch.setattr("apps.mlflow_api.otlp_json.SPANS_PER_CALL", 2)
    spans = sent(person, body_of(*[span_json(spanId=f"{n:016x}") for n in range(1, 4)]))
    packed = sent(person, gzip.compress(b" " * (otlp.BODY_LIMIT + 1)), **{"Content-Encoding": "gzip"})

    assert [one.status_code for one in (values, nested, spans, packed)] == [413, 400, 413, 413]
    assert not Span.objects.exists()


def test_texts_that_a_database_refuses_are_kept_readable(person: Person):
    span = span_json(name="a\0b", attributes=[{"key": "k\0", "value": {"stringValue": "\ud800!"}}])

    answer = sent(person, body_of(span))

    kept = Span.objects.get()
    assert (answer.status_code, kept.name, kept.attributes) == (200, "a\ufffdb", {"k\ufffd": "\ufffd!"})


def test_nobody_sends_spans_to_what_is_not_theirs(person: Person):
    answers = [
        spans_send(who, body_of(span_json()), person.experiment.number, kind=JSON).status_code
        for who in ({}, person_make())
    ]

    assert answers == [401, 404]
    assert not Span.objects.exists()
