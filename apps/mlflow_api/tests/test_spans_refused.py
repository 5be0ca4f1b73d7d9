"""What nobody should send as spans: without a right, too large, packed to burst, or not what it says it is."""

from __future__ import annotations

import gzip
import secrets
import zlib
from typing import Any

import pytest

from apps.core.actors import Role
from apps.mlflow_api import otlp
from apps.mlflow_api.tests.conftest import ROOT_3, Caller, Person, attempt_token, person_make
from apps.mlflow_api.tests.spans import request_of, span_of, spans_send
from apps.traces.models import Span, Trace
from apps.traces.services import limits

pytestmark = pytest.mark.django_db


def test_nobody_sends_spans_to_what_is_not_theirs(person: Person, stranger: Person):
    """CVE-2026-0545: spans without a sign-in, without the right, into another team."""
    body, number = request_of(span_of()), person.experiment.number
    viewer = person_make(Role.VIEWER, person.team)
    job = {"Authorization": f"Bearer {attempt_token(person)}"}

    answers = [spans_send(who, body, number).status_code for who in ({}, viewer, stranger, job)]

    assert answers == [401, 403, 404, 404]
    assert not Span.objects.exists()


@pytest.mark.parametrize(
    ("kind", "body", "headers", "status"),
    [
        ("application/json", b"{}", {}, 400),
        ("text/plain", b"", {}, 400),
        ("application/x-protobuf", b"", {}, 400),
        ("application/x-protobuf", b"\xff\xff\xff", {}, 400),
        ("application/x-protobuf", b"\x0a\xff\xff\xff\xff\x0f", {}, 400),
        ("application/x-protobuf", b"x", {"Content-Encoding": "gzip"}, 400),
        ("application/x-protobuf", gzip.compress(b"x" * 100)[:-12], {"Content-Encoding": "gzip"}, 400),
        ("application/x-protobuf", gzip.compress(b"\0" * (otlp.BODY_LIMIT + 1)), {"Content-Encoding": "gzip"}, 413),
        ("application/x-protobuf", b"x", {"Content-Encoding": "br"}, 400),
        ("application/x-protobuf", request_of(span_of(b"short")), {}, 400),
        ("application/x-protobuf", request_of(*[span_of(key=b"short")]), {}, 400),
    ],
    ids=range(11),
)
def test_what_is_no_request_of_spans_is_refused(person: Person, kind: str, body: bytes, headers: Any, status: int):
    answer = spans_send(person, body, person.experiment.number, kind=kind, **headers)

    assert answer.status_code == status, answer.content
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert not Trace.objects.exists()


def test_a_small_request_cannot_grow_large_in_memory(person: Person):
    """Ten thousand and one empty spans are twenty kilobytes; a span nested a thousand deep is small too."""
    empty = b"\x12\x00" * (otlp.SPANS_PER_CALL + 1)
    scope = b"\x12" + _length(empty) + empty
    nested = span_of()
    value = nested.attributes.add(key="deep").value
    for _ in range(30):
        value = value.kvlist_value.values.add(key="d").value
    deep = request_of(nested)
    many = span_of()
    many.attributes.add(key="many").value.array_value.values.extend([type(value)()] * (otlp.VALUES_PER_SPAN + 1))

    answers = [
        spans_send(person, body, person.experiment.number).status_code
        for body in (b"\x0a" + _length(scope) + scope, deep, request_of(many))
    ]

    assert answers == [413, 200, 413]


def _length(data: bytes) -> bytes:
    size, out = len(data), b""
    while size > 0x7F:
        out += bytes([size & 0x7F | 0x80])
        size >>= 7
    return out + bytes([size])


def test_texts_that_a_database_refuses_are_kept_readable(person: Person):
    span = span_of(name="a\0b")
    span.attributes.add(key="k\0").value.string_value = "v\0"
    span.attributes.add(key="nan").value.double_value = float("nan")
    span.attributes.add(key="big").value.double_value = 1e300
    span.attributes.add(key="bytes").value.bytes_value = b"\xff"

    answer = spans_send(person, request_of(span), person.experiment.number)
    _, told = Caller(person, ROOT_3).get("traces/get", trace_id=f"tr-{span.trace_id.hex()}")

    assert answer.status_code == 200
    [back] = told["trace"]["spans"]
    values = {row["key"]: row["value"] for row in back["attributes"]}
    assert back["name"] == "a\ufffdb"
    assert values["k\ufffd"] == {"string_value": "v\ufffd"}
    assert values["nan"] == {"string_value": "nan"}
    assert values["big"] == {"double_value": 1e300}


def test_a_trace_has_so_many_spans_and_no_more(person: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "SPANS_LIMIT", 3)
    trace, number = secrets.token_bytes(16), person.experiment.number

    first = spans_send(person, request_of(*[span_of(trace) for _ in range(3)]), number)
    more = spans_send(person, request_of(span_of(trace)), number)

    assert (first.status_code, more.status_code) == (200, 413)
    assert Span.objects.count() == 3


def test_gzip_and_deflate_are_unpacked(person: Person):
    number = person.experiment.number

    answers = [
        spans_send(person, pack(request_of(span_of())), number, **{"Content-Encoding": name})
        for name, pack in (("gzip", gzip.compress), ("deflate", zlib.compress))
    ]

    assert [(answer.status_code, answer["Content-Type"]) for answer in answers] == [(200, "application/x-protobuf")] * 2
    assert Span.objects.count() == 2
