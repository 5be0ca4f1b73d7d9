"""Spans out of a trace's file `traces.json`, as MLflow's clients write it in versions 2 and 3."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from apps.traces.contracts import TRACE_KEY, SpanDraft

_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]{1,16})")
_LATEST_NS = 2**63 - 1
_STATUSES = {"OK": "OK", "ERROR": "ERROR", "STATUS_CODE_OK": "OK", "STATUS_CODE_ERROR": "ERROR"}


def spans_in(trace: str, data: bytes) -> list[SpanDraft]:
    """The spans of a trace. Raises ValueError for bytes that are no such file."""
    try:
        rows = json.loads(data)["spans"]
        return [_draft(trace, row) for row in rows]
    except (KeyError, TypeError, AttributeError, UnicodeError, OverflowError, RecursionError, binascii.Error) as error:
        raise ValueError("The file holds no spans.") from error


def _draft(trace: str, row: Mapping[str, Any]) -> SpanDraft:
    """A span of version 2 has a `context`, one of version 3 the names of OpenTelemetry."""
    attributes = {_text(key): _decoded(value) for key, value in row["attributes"].items() if key != TRACE_KEY}
    if "context" in row:
        key, parent = row["context"]["span_id"], row["parent_id"]
        code, message = row["status_code"], row.get("status_message")
        start, end, moment = row["start_time"], row["end_time"], "timestamp"
    else:
        key, parent = row["span_id"], row["parent_span_id"]
        code, message = row["status"]["code"], row["status"].get("message")
        start, end, moment = row["start_time_unix_nano"], row["end_time_unix_nano"], "time_unix_nano"
    return SpanDraft(
        trace=trace,
        key=_id(key),
        parent=_id(parent) if parent else "",
        name=_text(row["name"]),
        status=_STATUSES.get(code, "UNSET"),
        message=_text(message or ""),
        started_ns=_time(start),
        ended_ns=_time(end) if end else None,
        attributes=attributes,
        events=[
            {
                "name": _text(one["name"]),
                "time_ns": _time(one[moment]),
                "attributes": _plain(one.get("attributes") or {}),
            }
            for one in row.get("events") or []
        ],
    )


def _id(text: str) -> str:
    """16 hexadecimal digits; version 3 writes the bytes in base64."""
    if len(text) == 12 and text.endswith("="):
        return base64.b64decode(text, validate=True).hex().rjust(16, "0")[-16:]
    found = _HEX.fullmatch(text)
    if found is None:
        raise ValueError("The id of a span has 16 hexadecimal digits.")
    return found[1].lower().rjust(16, "0")


def _time(value: Any) -> int:
    return max(0, min(int(value), _LATEST_NS))


def _decoded(value: Any) -> Any:
    """Attributes stand as the text of their JSON."""
    if not isinstance(value, str):
        return _plain(value)
    try:
        return _plain(json.loads(value))
    except ValueError:
        return _text(value)


def _plain(value: Any) -> Any:
    """What the database keeps: no NUL, no halves of signs, no NaN."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {_text(key): _plain(held) for key, held in value.items()}
    return [_plain(held) for held in value] if isinstance(value, list) else value


def _text(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
