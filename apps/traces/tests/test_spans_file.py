"""Spans in a trace's file: both of MLflow's versions, and files that are none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from apps.traces.spans_file import spans_in


def span_3(**changes: Any) -> dict[str, Any]:
    return {
        "trace_id": base64.b64encode(b"\1" * 16).decode(),
        "span_id": base64.b64encode(b"\0" * 7 + b"\2").decode(),
        "parent_span_id": None,
        "name": "answer",
        "start_time_unix_nano": 1000,
        "end_time_unix_nano": 2000,
        "events": [{"name": "exception", "time_unix_nano": 1500, "attributes": {"exception.type": "ValueError"}}],
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
        "attributes": {"mlflow.spanInputs": '{"a": [1, null]}', "plain": "words", "mlflow.traceRequestId": '"x"'},
        **changes,
    }


def span_2(**changes: Any) -> dict[str, Any]:
    return {
        "name": "answer",
        "context": {"span_id": "0x00000000000000ab", "trace_id": "0x1"},
        "parent_id": "0xcd",
        "start_time": 1000,
        "end_time": 2000,
        "status_code": "OK",
        "status_message": "",
        "attributes": {"mlflow.spanType": '"LLM"'},
        "events": [{"name": "e", "timestamp": 1500, "attributes": {}}],
        **changes,
    }


def read(*rows: Any) -> list[Any]:
    return spans_in("tr-1", json.dumps({"spans": rows}).encode())


def test_a_file_of_mlflow_3():
    [span] = read(span_3())

    assert (span.trace, span.key, span.parent) == ("tr-1", "0" * 15 + "2", "")
    assert span.attributes == {"mlflow.spanInputs": {"a": [1, None]}, "plain": "words"}
    assert (span.status, span.message, span.started_ns, span.ended_ns) == ("ERROR", "no", 1000, 2000)
    assert span.events[0] == {"name": "exception", "time_ns": 1500, "attributes": {"exception.type": "ValueError"}}


def test_a_file_of_mlflow_2():
    [span] = read(span_2())

    assert (span.key, span.parent, span.status) == ("0" * 14 + "ab", "0" * 14 + "cd", "OK")
    assert span.attributes == {"mlflow.spanType": "LLM"}
    assert span.events[0]["time_ns"] == 1500


def test_what_a_database_refuses_is_made_plain():
    [span] = read(span_3(name="a\0b", attributes={"n": "NaN", "s": "\ud800", "deep": {"k\0": [float("inf")]}}))

    assert span.name == "a\ufffdb"
    assert span.attributes == {"n": "nan", "s": "?", "deep": {"k\ufffd": ["inf"]}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"spans": 7}',
        b'{"spans": [7]}',
        b'{"spans": [{}]}',
        b"\xff\xfe\x00",
        b'{"spans": ' + b"[" * 100_000,
        json.dumps({"spans": [span_3(span_id="<script>")]}).encode(),
        json.dumps({"spans": [span_3(attributes=[1])]}).encode(),
        json.dumps({"spans": [span_3(start_time_unix_nano="soon")]}).encode(),
        json.dumps({"spans": [span_3(start_time_unix_nano=1e400)]}).encode(),
        json.dumps({"spans": [span_2(context=None)]}).encode(),
    ],
    ids=range(13),
)
def test_what_is_no_file_of_spans(data: bytes):
    with pytest.raises(ValueError, match=r"."):
        spans_in("tr-1", data)
