"""Curves of runs for charts: thinned by the database, so that a page holds what it draws and no more."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable

from django.db import connection

from apps.experiments.models import Run

# {key: {run id: [(step, value), ...]}}
Curves = dict[str, dict[uuid.UUID, list[tuple[int, float]]]]

# A line is cut into parts of equal length; of each its lowest and highest measurement stay, so that no peak is lost.
# The first and last point are parts of their own. The order is that of the index, so nothing is sorted.
_THINNED = """
WITH placed AS (
    SELECT key, run_id, step, value, {id} AS id,
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
SELECT key, run_id, min(ARRAY[value, step]) FILTER (WHERE finite), max(ARRAY[value, step]) FILTER (WHERE finite),
       min(step), max(id)
  FROM (SELECT *, value > '-Infinity' AND value < 'Infinity' AS finite FROM parts) told
 GROUP BY key, run_id, part
 ORDER BY key, run_id, part
"""


def metric_curves(runs: Iterable[Run], *, keys: Iterable[str] | None = None, points: int = 320) -> Curves:
    """Lines by step of the keys that were measured at more than one step (of `keys` alone when given).

    A line has at most about `points` points: lowest and highest of each part, first and last. A part without a finite
    value is one NaN. What the actor may see is for the caller to say.
    """
    # Without the ids an index alone answers.
    return _curves(_THINNED.format(id="NULL::bigint"), [run.pk for run in runs], keys, points)[0]


def metric_curves_live(run: Run, *, points: int = 320) -> tuple[Curves, int]:
    """The curves of a run, and the id of its newest measurement: where a live page goes on (0: from the start)."""
    return _curves(_THINNED.format(id="id"), [run.pk], None, points)


def _curves(query: str, runs: list[uuid.UUID], keys: Iterable[str] | None, points: int) -> tuple[Curves, int]:
    asked = {"runs": runs, "keys": None if keys is None else list(keys), "points": points}
    curves: Curves = {}
    newest = 0
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        for key, run_id, low, high, step, last in cursor.fetchall():
            newest = max(newest, last or 0)
            line = curves.setdefault(key, {}).setdefault(run_id, [])
            if low is None:
                line.append((step, math.nan))
                continue
            ends = {(int(low[1]), low[0]), (int(high[1]), high[0])}
            line.extend(sorted(ends))
    kept = {
        key: by_run
        for key, by_run in curves.items()
        if any(len({step for step, _ in line}) > 1 for line in by_run.values())
    }
    return kept, newest
