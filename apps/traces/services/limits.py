"""How large what belongs to a trace may grow, and what can be kept at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apps.core.errors import Invalid, TooLarge

PAIRS_LIMIT = 200
KEY_LIMIT = 250
TAG_LIMIT = 8000
NAME_LIMIT = 250
PREVIEW_LIMIT = 1000
ID_LIMIT = 250
# Of one trace: spans, and the characters of their JSON. What is larger a client keeps in a file of the trace.
SPANS_LIMIT = 10_000
SIZE_LIMIT = 16_000_000
ASSESSMENTS_LIMIT = 1000
VALUE_LIMIT = 100_000
TEXT_LIMIT = 20_000
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
_LONGEST_MS = 100 * 366 * 86_400_000
_KEY = re.compile(r"[A-Za-z0-9][\w\-]{0,63}", re.ASCII)


def key_check(key: str) -> str:
    """The id of a trace as clients make them. Raises Invalid."""
    if not _KEY.fullmatch(key):
        raise Invalid.field("trace_id", "The id of a trace has 1 to 64 letters, digits, dashes and underscores.")
    return key


def pairs_check(what: str, pairs: Mapping[str, str]) -> dict[str, str]:
    """Tags or metadata; a value that is too long is cut, as MLflow's servers do. Raises Invalid."""
    if len(pairs) > PAIRS_LIMIT:
        raise Invalid.field(what, f"A trace has at most {PAIRS_LIMIT} {what}.")
    for key in pairs:
        if not key or len(key) > KEY_LIMIT:
            raise Invalid.field(what, f"A key has 1 to {KEY_LIMIT} characters.")
    return {key: str(value)[:TAG_LIMIT] for key, value in pairs.items()}


def text_check(what: str, text: str, limit: int) -> str:
    """Raises Invalid for a text that is longer."""
    if len(text) > limit:
        raise Invalid.field(what, f"'{what}' exceeds the maximum length of {limit} characters")
    return text


def time_check(started_at: datetime, duration_ms: int | None) -> None:
    """Raise Invalid for times that clocks in nanoseconds cannot say, which no page could show."""
    if not _EARLIEST <= started_at < _LATEST:
        raise Invalid.field("request_time", "A trace begins in the years 1970 to 2261.")
    if duration_ms is not None and abs(duration_ms) > _LONGEST_MS:
        raise Invalid.field("execution_duration", "A trace takes at most 100 years.")


def value_check(what: str, value: Any) -> Any:
    """What a database keeps as JSON. Raises Invalid for NaN and infinities, for what is too large or too deep."""
    try:
        size = len(json.dumps(value, allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid.field(what, f"'{what}' cannot be kept as JSON: {error}") from error
    if size > VALUE_LIMIT:
        raise Invalid.field(what, f"'{what}' is larger than {VALUE_LIMIT} characters of JSON.")
    return value


def size_check(spans: int, size: int) -> None:
    """Raise TooLarge when a trace has more than is kept as rows."""
    if spans > SPANS_LIMIT or size > SIZE_LIMIT:
        raise TooLarge(
            f"A trace has at most {SPANS_LIMIT:,} spans with {SIZE_LIMIT:,} characters; clients keep a larger one in "
            "its file traces.json."
        )
