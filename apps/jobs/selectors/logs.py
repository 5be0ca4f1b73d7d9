"""Reading the log of a job that the caller may see: by line, by time, by level and by text, chunk by chunk.

However long a log is, memory stays flat: a chunk is some 64 kB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import F, FloatField, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce

from apps.jobs.logs import ALL, Level, colourless, level_of
from apps.jobs.models import Job, LogChunk

_CHUNKS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a job's log: its number in the job, the attempt, seconds since that began, text."""

    number: int
    attempt: int
    at: float
    text: str


def log_lines(
    job: Job, *, after: int = 0, limit: int | None = None, levels: Level = ALL, text: str = ""
) -> Iterator[LogLine]:
    """Lines with a number above `after`, oldest first: those of some levels, and that contain `text`, case ignored.

    What a filter cannot want is passed over by the database.
    """
    given = 0
    needle = text.casefold()
    for chunk in _chunks(job, after, levels, text).iterator(chunk_size=_CHUNKS_AT_ONCE):
        for index, (at, line) in enumerate(chunk.lines):
            number = chunk.first_line + index
            if number <= after or not _wanted(line, levels, needle):
                continue
            if limit is not None and given >= limit:
                return
            given += 1
            yield LogLine(number, chunk.attempt, at, line)


def _wanted(line: str, levels: Level, needle: str) -> bool:
    return (not needle or needle in colourless(line).casefold()) and (levels == ALL or level_of(line) in levels)


def _chunks(job: Job, after: int, levels: Level, text: str) -> QuerySet[LogChunk]:
    chunks = LogChunk.objects.filter(job=job).order_by("seq")
    if after:
        first = chunks.filter(first_line__lte=after + 1).order_by("-seq").values_list("seq", flat=True).first()
        chunks = chunks.filter(seq__gte=first or 0)
    if levels != ALL:
        chunks = chunks.annotate(some=F("levels").bitand(int(levels))).filter(Q(levels__isnull=True) | Q(some__gt=0))
    if text:
        chunks = chunks.filter(lines__icontains=_json_text(text))
    return chunks


def log_tail(job: Job, count: int) -> list[LogLine]:
    """The last `count` lines."""
    return list(log_lines(job, after=max(0, job.line_count - count), limit=count))


def log_before(job: Job, number: int, count: int) -> int:
    """The number after which a page of `count` lines begins that ends before line `number`."""
    return max(0, min(number, job.line_count + 1) - 1 - count)


def line_at(job: Job, seconds: float, attempt: int) -> int:
    """The number of the first line that an attempt printed at a time after its start, or later.

    The attempt's last line when it printed nothing later; 0 when it printed nothing at all.
    """
    printed = Cast(KeyTextTransform(0, KeyTransform(0, "lines")), FloatField())
    chunks = LogChunk.objects.filter(job=job, attempt=attempt).annotate(begins=Coalesce("first_at", printed))
    chunk = chunks.filter(begins__lte=seconds).order_by("-seq").first() or chunks.order_by("seq").first()
    if chunk is None:
        return 0
    for index, (at, _) in enumerate(chunk.lines):
        if at >= seconds:
            return int(chunk.first_line + index)
    end = int(chunk.first_line + chunk.line_count)
    following = chunks.filter(first_line=end).exists()
    return end if following else end - 1


def _json_text(text: str) -> str:
    """How PostgreSQL writes a text inside JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
