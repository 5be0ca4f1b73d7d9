"""The log on a job's page: its newest lines, live; or a part of it, by line, time, level or text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from apps.jobs import selectors
from apps.jobs.logs import ALL, AT_LEAST, Level, Span, level_of, spans_of
from apps.jobs.models import Job

PAGE_LINES = 500
AROUND = 20
"""Lines shown before the one that a link leads to."""
LEVELS = (("", "All lines"), ("warning", "Warnings and errors"), ("error", "Errors"))
_TONES = {Level.PLAIN: "", Level.WARNING: "w", Level.ERROR: "e"}
_TIME = re.compile(r"^(?:(\d{1,4}):)?(\d{1,6}):([0-5]?\d(?:\.\d+)?)$|^(\d{1,9}(?:\.\d+)?) ?s$")
_LINE = re.compile(r"^\d{1,15}$")


@dataclass(frozen=True, slots=True)
class ShownLine:
    number: int
    at: float
    text: str
    tone: str
    spans: list[Span]


def line_shown(line: selectors.LogLine) -> ShownLine:
    """A log line for the page: toned by its level, in the colours that it asks for."""
    tone = "w" if line.text.startswith("fairway:") else _TONES[level_of(line.text)]
    spans = spans_of(line.text)
    return ShownLine(line.number, line.at, "".join(span.text for span in spans), tone, spans)


def seconds_of(text: str) -> float | None:
    """Seconds of `3:20`, `1:03:20` or `200 s`; None for anything else."""
    found = _TIME.match(text)
    if found is None:
        return None
    hours, minutes, seconds, alone = found.groups()
    return float(alone) if alone else int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def log_context(job: Job, query: QueryDict) -> dict[str, Any]:
    """What the log's card shows for the address: `find`, `level`, `go` (a line or a time), `from` (a line)."""
    find, level = query.get("find", "").strip()[:200], query.get("level", "")
    level = level if level in AT_LEAST else ""
    go = query.get("go", "").strip()[:40]
    context: dict[str, Any] = {"find": find, "level": level, "levels": LEVELS, "go": go, "go_error": "", "mark": 0}
    first = _first(job, query, go, context)
    if not find and not level and first is None:
        lines = selectors.log_tail(job, PAGE_LINES)
        return context | {"live": True, "lines": [line_shown(line) for line in lines], "log_links": _links(job, lines)}
    levels, after = AT_LEAST.get(level, ALL), max(0, (first or 1) - 1)
    lines = list(selectors.log_lines(job, after=after, limit=PAGE_LINES + 1, levels=levels, text=find))
    more, lines = len(lines) > PAGE_LINES, lines[:PAGE_LINES]
    filtered = {name: value for name, value in (("find", find), ("level", level)) if value}
    if filtered:
        links = {"later": _address(**filtered, **{"from": lines[-1].number + 1}) if more else ""}
        links["earlier"] = _address(**filtered) if after else ""
    else:
        links = _links(job, lines)
    shown = [line_shown(line) for line in lines]
    return context | {"live": False, "lines": shown, "log_links": links, "more": more, "filtered": bool(filtered)}


def _first(job: Job, query: QueryDict, go: str, context: dict[str, Any]) -> int | None:
    """The first line to show, as the address says; None: the newest ones. Notes what to mark, or what is wrong."""
    text = query.get("from", "")
    if go:
        seconds = seconds_of(go)
        if _LINE.match(go):
            line = int(go)
        elif seconds is not None:
            line = selectors.line_at(job, seconds, job.attempt_number)
        else:
            context["go_error"] = "A line such as 1200, or a time after the start such as 3:20."
            return None
        line = max(1, min(line, job.line_count))
        context["mark"] = line
        return max(1, line - AROUND)
    return max(1, min(int(text), job.line_count)) if _LINE.match(text) else None


def _links(job: Job, lines: list[selectors.LogLine]) -> dict[str, str]:
    """Pages before and after these lines."""
    if not lines:
        return {"earlier": "", "later": ""}
    first, last = lines[0].number, lines[-1].number
    earlier = _address(**{"from": selectors.log_before(job, first, PAGE_LINES) + 1}) if first > 1 else ""
    return {"earlier": earlier, "later": _address(**{"from": last + 1}) if last < job.line_count else ""}


def _address(**query: Any) -> str:
    return f"?{urlencode(query)}#h-log"
