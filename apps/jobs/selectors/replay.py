"""What happened in a job after a number: lines and events in its one sequence, for pages that follow it live."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from apps.jobs.models import Job, JobEvent, LogChunk

REPLAY_ROWS = 200


CHUNKS_AT_ONCE = 40
"""Some megabytes: more is sent in several messages, so that none holds the connection for long."""
BACKLOG_LINES = 20_000
"""Who is this far behind is sent what was printed last and told which lines were left out."""
TAIL_LINES = 2_000


def job_replay(job_id: uuid.UUID, after: int, *, limit: int = REPLAY_ROWS) -> tuple[int, list[dict[str, Any]]]:
    """Chunks and events of a job in its one sequence, at most `limit`; see `apps.core.topics.Topic.replay`.

    For a listener that is far behind, a row of the kind "gap" stands for lines that are in the log alone.
    """
    # Lines and events are two statements: neither tells of what came after both were asked for, or the number would
    # pass what the other one missed.
    newest = Job.objects.filter(pk=job_id).values_list("seq", flat=True).first() or 0
    chunks = _chunks(job_id, after, newest, min(limit, CHUNKS_AT_ONCE))
    left_out = _gap(job_id, chunks[0]["first_line"]) if len(chunks) >= CHUNKS_AT_ONCE else None
    if left_out is None:
        # No event is told before the lines that came earlier.
        until = chunks[-1]["seq"] if len(chunks) >= CHUNKS_AT_ONCE else newest
        events = _events(job_id, limit, seq__gt=after, seq__lte=until)
        rows = sorted([*events, *chunks], key=lambda row: int(row["seq"]))[:limit]
    else:
        states = _events(job_id, limit, seq__gt=after, seq__lte=left_out["seq"], kind="state")
        rows = [*states, left_out]
    return (rows[-1]["seq"] if rows else after), rows


def _gap(job_id: uuid.UUID, first_line: int) -> dict[str, Any] | None:
    """What is left out for a listener whose next line would be `first_line`: up to the chunk of the newest lines."""
    newest = Job.objects.filter(pk=job_id).values_list("line_count", flat=True).first() or 0
    if newest - first_line < BACKLOG_LINES:
        return None
    rows = LogChunk.objects.filter(job_id=job_id, first_line__lte=newest - TAIL_LINES).order_by("-seq")
    last = rows.values_list("seq", "attempt", "at", "first_line", "line_count").first()
    if last is None:
        return None
    seq, attempt, at, first, count = last
    data = {"from": first_line, "to": first + count - 1}
    return {"seq": seq, "attempt": attempt, "at": _iso(at), "kind": "gap", "data": data}


def _events(job_id: uuid.UUID, limit: int, **which: Any) -> list[dict[str, Any]]:
    rows = JobEvent.objects.filter(job_id=job_id, **which).order_by("seq")
    return [
        {"seq": seq, "attempt": attempt, "at": _iso(at), "kind": kind, "data": data}
        for seq, attempt, at, kind, data in rows.values_list("seq", "attempt", "at", "kind", "data")[:limit]
    ]


def _chunks(job_id: uuid.UUID, after: int, until: int, limit: int) -> list[dict[str, Any]]:
    rows = LogChunk.objects.filter(job_id=job_id, seq__gt=after, seq__lte=until).order_by("seq")
    return [
        {"seq": seq, "attempt": attempt, "at": _iso(at), "kind": "log", "first_line": first, "lines": lines}
        for seq, attempt, at, first, lines in rows.values_list("seq", "attempt", "at", "first_line", "lines")[:limit]
    ]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
