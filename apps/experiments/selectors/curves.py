"""Curves of runs for charts: thinned by the database, so that a page holds what it draws and no more."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from apps.experiments.models import Run

# {key: {run id: [(step, value), ...]}}
Curves = dict[str, dict[uuid.UUID, list[tuple[int, float]]]]
_Lines = dict[str, dict[uuid.UUID, "list[CurvePoint]"]]

# A line is cut into parts of equal length; of each its lowest and highest measurement stay, so that no peak is lost.
# The first and last point are parts of their own. The order is that of the index, so nothing is sorted.
_THINNED = """
WITH placed AS (
    SELECT key, run_id, step, "timestamp", value, {id} AS id,
           row_number() OVER line - 1 AS place,
           count(*) OVER (PARTITION BY run_id, key) AS n
      FROM experiments_metric
     WHERE run_id = ANY(%(runs)s) AND (%(keys)s::text[] IS NULL OR key = ANY(%(keys)s))
    WINDOW line AS (PARTITION BY run_id, key ORDER BY step, "timestamp", value)
), parts AS (
    SELECT *, CASE WHEN n <= %(points)s THEN place
                   WHEN place = 0 THEN -1
                   WHEN place = n - 1 THEN n
                   ELSE place * (%(points)s / 2 - 1) / n END AS part
      FROM placed
)
SELECT key, run_id, min(ARRAY[value, step, "timestamp"]) FILTER (WHERE finite),
       max(ARRAY[value, step, "timestamp"]) FILTER (WHERE finite), min(step), min("timestamp"), max(id)
  FROM (SELECT *, value > '-Infinity' AND value < 'Infinity' AS finite FROM parts) told
 GROUP BY key, run_id, part
 ORDER BY key, run_id, part
"""


@dataclass(frozen=True, slots=True, order=True)
class CurvePoint:
    """A measurement; `timestamp` in milliseconds since 1970."""

    step: int
    timestamp: int
    value: float


def metric_curves(runs: Iterable[Run], *, points: int = 320) -> Curves:
    """Lines by step of the keys that were measured at more than one step.

    A line has at most about `points` points: lowest and highest of each part, first and last. A part without a finite
    value is one NaN. What the actor may see is for the caller to say.
    """
    # Without the ids an index alone answers.
    found, _ = _thinned(_THINNED.format(id="NULL::bigint"), [run.pk for run in runs], None, points)
    return _stepped(found)


def metric_curves_live(run: Run, *, points: int = 320) -> tuple[Curves, int]:
    """The curves of a run, and the id of its newest measurement: where a live page goes on (0: from the start)."""
    found, newest = _thinned(_THINNED.format(id="id"), [run.pk], None, points)
    return _stepped(found), newest


def metric_curves_of(run_ids: Iterable[uuid.UUID], key: str, *, points: int = 320) -> dict[uuid.UUID, list[CurvePoint]]:
    """{run id: the line of one metric}, thinned in the same way, with its times; only finite values."""
    found, _ = _thinned(_THINNED.format(id="NULL::bigint"), list(run_ids), [key], points)
    lines = found.get(key, {})
    return {run_id: [point for point in line if math.isfinite(point.value)] for run_id, line in lines.items()}


def _thinned(query: str, runs: list[uuid.UUID], keys: list[str] | None, points: int) -> tuple[_Lines, int]:
    found: _Lines = {}
    newest = 0
    with connection.cursor() as cursor:
        cursor.execute(query, {"runs": runs, "keys": keys, "points": points})
        for key, run_id, low, high, step, timestamp, last in cursor.fetchall():
            newest = max(newest, last or 0)
            line = found.setdefault(key, {}).setdefault(run_id, [])
            if low is None:
                line.append(CurvePoint(step, timestamp, math.nan))
                continue
            line.extend(sorted({CurvePoint(int(end[1]), int(end[2]), end[0]) for end in (low, high)}))
    return found, newest


def _stepped(found: _Lines) -> Curves:
    """Of the keys with more than one step."""
    return {
        key: {run_id: [(point.step, point.value) for point in line] for run_id, line in lines.items()}
        for key, lines in found.items()
        if any(len({point.step for point in line}) > 1 for line in lines.values())
    }
