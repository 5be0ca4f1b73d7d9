"""OpenTelemetry's spans out of JSON, as OTLP over HTTP writes it.

Unlike elsewhere in proto JSON, ids are hexadecimal digits and enums are numbers; 64-bit numbers are texts or numbers,
keys are in lowerCamelCase alone, and unknown ones are passed over.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from apps.core.errors import Invalid, TooLarge
from apps.mlflow_api.otlp import (
    BODY_LIMIT,
    LATEST_NS,
    SPANS_PER_CALL,
    WRONG_ID,
    Budget,
    SpanRefused,
    text_kept,
)
from apps.traces.contracts import TRACE_KEY, SpanDraft

_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
_SPAN_ID = re.compile(r"[0-9a-fA-F]{16}")
_WHOLE = re.compile(r"-?\d{1,30}", re.ASCII)
_STATUSES = {0: "UNSET", 1: "OK", 2: "ERROR"}
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_INT64 = range(-(2**63), 2**63)


def spans_of_json(body: bytes) -> Iterator[SpanDraft | SpanRefused]:
    """The spans of an ExportTraceServiceRequest, each kept or refused by itself. Raises Invalid, TooLarge."""
    if len(body) > BODY_LIMIT:
        raise TooLarge(f"Spans are more than {BODY_LIMIT} bytes. Send them in parts.")
    try:
        whole = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"Invalid OpenTelemetry format: {error}") from error
    count = 0
    for group in _rows(_object(whole, "the request"), "resourceSpans"):
        resource = _resource(group)
        for scope in _rows(group, "scopeSpans"):
            for span in _rows(scope, "spans"):
                count += 1
                if count > SPANS_PER_CALL:
                    raise TooLarge(f"A request holds at most {SPANS_PER_CALL} spans. Send them in parts.")
                try:
                    yield _draft(span, resource)
                except SpanRefused as refusal:
                    yield refusal


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"Invalid OpenTelemetry format: {what} is a JSON object.")
    return value


def _rows(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, [] when it is missing. Raises Invalid."""
    rows = holder.get(name)
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise Invalid(f"Invalid OpenTelemetry format: {name} is a list.")
    return [_object(row, f"each of {name}") for row in rows]


def _resource(group: dict[str, Any]) -> dict[str, Any]:
    """What is said of the process that made the spans."""
    told = _object(group.get("resource") or {}, "resource")
    try:
        return _values(told.get("attributes"), Budget())
    except SpanRefused as refusal:
        raise Invalid(f"Invalid OpenTelemetry format: {refusal.detail}") from refusal


def _draft(span: dict[str, Any], resource: dict[str, Any]) -> SpanDraft:
    trace, key = _id(span, "traceId", _TRACE_ID), _id(span, "spanId", _SPAN_ID)
    parent = span.get("parentSpanId") or ""
    parent = _id(span, "parentSpanId", _SPAN_ID, empty=True) if parent else ""
    if not trace.strip("0") or not key.strip("0"):
        raise SpanRefused(WRONG_ID)
    budget = Budget()
    attributes = _values(span.get("attributes"), budget)
    attributes.pop(TRACE_KEY, None)
    status = _part(span, "status")
    code = status.get("code") or 0
    if isinstance(code, bool) or not isinstance(code, int) or code not in _STATUSES:
        raise SpanRefused("The code of a span's status is 0, 1 or 2.")
    return SpanDraft(
        trace=f"tr-{trace}",
        key=key,
        parent=parent if parent.strip("0") else "",
        name=_text(span, "name"),
        status=_STATUSES[code],
        message=_text(status, "message"),
        started_ns=_time(span, "startTimeUnixNano"),
        ended_ns=_time(span, "endTimeUnixNano") or None,
        attributes=attributes,
        events=[
            {
                "name": _text(event, "name"),
                "time_ns": _time(event, "timeUnixNano"),
                "attributes": _values(event.get("attributes"), budget),
            }
            for event in _parts(span, "events", budget)
        ],
        links=[
            {
                "trace": _id(link, "traceId", _TRACE_ID),
                "span": _id(link, "spanId", _SPAN_ID),
                "attributes": _values(link.get("attributes"), budget),
            }
            for link in _parts(span, "links", budget)
        ],
        resource=resource,
    )


def _id(holder: dict[str, Any], name: str, form: re.Pattern[str], *, empty: bool = False) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise SpanRefused(WRONG_ID if not empty else f"{name} is empty or has 16 hexadecimal digits.")
    return value.lower()


def _text(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SpanRefused(f"{name} is a text.")
    return text_kept(value)


def _part(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if value is not None and not isinstance(value, dict):
        raise SpanRefused(f"{name} is a JSON object.")
    return value or {}


def _parts(holder: dict[str, Any], name: str, budget: Budget) -> list[dict[str, Any]]:
    """Events or links; each counts as a value."""
    rows = holder.get(name)
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SpanRefused(f"{name} is a list of JSON objects.")
    for _ in rows:
        budget.take(0)
    return rows


def _time(holder: dict[str, Any], name: str) -> int:
    """Nanoseconds since 1970; 0 when it is missing."""
    return max(0, min(_whole(holder.get(name) or 0, name), LATEST_NS))


def _whole(value: Any, name: str) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpanRefused(f"{name} is a whole number or the text of one.")
    return value


def _values(pairs: Any, budget: Budget, depth: int = 0) -> dict[str, Any]:
    """A list of {"key", "value"} as a dict."""
    if pairs is None:
        return {}
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise SpanRefused("Attributes are a list of keys with values.")
    return {_text(pair, "key"): _value(pair.get("value"), budget, depth) for pair in pairs}


def _value(held: Any, budget: Budget, depth: int) -> Any:
    """An AnyValue as JSON holds it: NaN and infinities as words, bytes in base64."""
    budget.take(depth)
    if held is None:
        return None
    if not isinstance(held, dict):
        raise SpanRefused('A value is a JSON object such as {"stringValue": "a"}.')
    for name, value in held.items():
        if value is None:
            continue
        match name:
            case "stringValue":
                return _text(held, name)
            case "boolValue":
                if not isinstance(value, bool):
                    raise SpanRefused("boolValue is true or false.")
                return value
            case "intValue":
                number = _whole(value, name)
                if number not in _INT64:
                    raise SpanRefused("intValue is a whole number of 64 bits.")
                return number
            case "doubleValue":
                return _double(value)
            case "arrayValue":
                rows = _part(held, name).get("values")
                if rows is not None and not isinstance(rows, list):
                    raise SpanRefused("The values of an arrayValue are a list.")
                return [_value(one, budget, depth + 1) for one in rows or ()]
            case "kvlistValue":
                return _values(_part(held, name).get("values"), budget, depth + 1)
            case "bytesValue":
                return _bytes(value)
    return None


def _double(value: Any) -> float | str:
    if isinstance(value, str):
        value = _WORDS.get(value, value)
    try:
        number = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise SpanRefused("doubleValue is a number, or NaN, Infinity or -Infinity as a text.")
    return number if math.isfinite(number) else str(number)


def _bytes(value: Any) -> str:
    try:
        raw = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (AttributeError, ValueError, binascii.Error) as error:
        raise SpanRefused("bytesValue is base64.") from error
    return base64.b64encode(raw).decode()
