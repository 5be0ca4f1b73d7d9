"""How a trace, its spans and its values read on a page."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from apps.core.templatetags import _marks
from apps.traces.contracts import INPUTS, OUTPUTS, SPAN_TYPE
from apps.traces.models import Span, Trace

# MLflow's states in the words of the house, with the code whose shape and colour they have.
_STATES = {
    "OK": ("FINISHED", "finished"),
    "ERROR": ("FAILED", "failed"),
    "IN_PROGRESS": ("RUNNING", "running"),
    "UNSET": ("NONE", "no state"),
}
# Characters of a value that a page shows; the whole is in the JSON of the trace.
SHOWN = 20_000
ATTRIBUTES_SHOWN = 100
EVENTS_SHOWN = 50


def state_words(code: str) -> tuple[str, str]:
    """(code of the house, word) for a state of a trace or a span."""
    return _STATES.get(code, ("UNKNOWN", "unknown"))


def state_html(code: str) -> Any:
    return _marks.state(*state_words(code))


def value_text(value: Any) -> str:
    """A value as people read it: a text as it is, all else, and a text that is JSON, indented; cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    if isinstance(value, str) and value[:1] in ("{", "[") and len(value) <= SHOWN:
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(value), ensure_ascii=False, indent=2)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n… {len(text) - SHOWN:,} more characters"


def seconds_between(start_ns: int, end_ns: int | None) -> float | None:
    return None if end_ns is None else (end_ns - start_ns) / 1e9


def span_words(trace: Trace, span: Span) -> dict[str, Any]:
    """What the page says of one span."""
    attributes = dict(span.attributes)
    inputs, outputs = attributes.pop(INPUTS, None), attributes.pop(OUTPUTS, None)
    attributes.pop(SPAN_TYPE, None)
    began = span.started_ns / 1e9 - trace.started_at.timestamp()
    return {
        "span": span,
        "state": state_words(span.status),
        "began": max(began, 0.0),
        "took": seconds_between(span.started_ns, span.ended_ns),
        "inputs": None if inputs is None else value_text(inputs),
        "outputs": None if outputs is None else value_text(outputs),
        "attributes": [(key, value_text(value)[:2000]) for key, value in sorted(attributes.items())[:ATTRIBUTES_SHOWN]],
        "more": max(len(attributes) - ATTRIBUTES_SHOWN, 0),
        "events": [_event(span, event) for event in span.events[:EVENTS_SHOWN]],
        "links": span.links[:EVENTS_SHOWN],
    }


def _event(span: Span, event: dict[str, Any]) -> dict[str, Any]:
    """An event; an exception with its message and where it arose."""
    told = dict(event["attributes"])
    stack = told.pop("exception.stacktrace", "")
    kind, message = told.pop("exception.type", ""), told.pop("exception.message", "")
    return {
        "name": event["name"],
        "after": (event["time_ns"] - span.started_ns) / 1e9,
        "kind": kind,
        "message": message,
        "stack": value_text(stack) if stack else "",
        "attributes": [(key, value_text(value)[:2000]) for key, value in sorted(told.items())],
    }


def judged_value(text: str) -> Any:
    """What a person typed as the value of a feedback: yes and no, a number, or words."""
    plain = text.strip()
    if plain.lower() in ("yes", "true", "no", "false"):
        return plain.lower() in ("yes", "true")
    try:
        number = float(plain)
    except ValueError:
        return plain
    return (int(number) if number.is_integer() and abs(number) < 2**53 else number) if abs(number) < 1e300 else plain


def judged_text(value: Any) -> str:
    """A judgement as a page shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else value_text(value)[:500]
