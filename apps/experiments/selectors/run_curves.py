"""Curves of many runs, thinned so that no extreme is lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

# Of each of so many stretches of a run's measurements the lowest and the highest, and the first and last of all.
_ENVELOPES = """
SELECT run_id, step, "timestamp", value
  FROM (SELECT placed.*,
               row_number() OVER (PARTITION BY run_id, stretch ORDER BY value, place) AS low,
               row_number() OVER (PARTITION BY run_id, stretch ORDER BY value DESC, place) AS high
          FROM (SELECT numbered.*, place * %(stretches)s / (last + 1) AS stretch
                  FROM (SELECT run_id, step, "timestamp", value,
                               row_number() OVER (PARTITION BY run_id ORDER BY step, "timestamp", id) - 1 AS place,
                               count(*) OVER (PARTITION BY run_id) - 1 AS last
                          FROM experiments_metric
                         WHERE run_id = ANY(%(runs)s) AND key = %(key)s AND value <> 'NaN') numbered) placed) ranked
 WHERE low = 1 OR high = 1 OR place IN (0, last)
 ORDER BY run_id, place
"""
STRETCHES = 150


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A measurement; `timestamp` in milliseconds since 1970."""

    step: int
    timestamp: int
    value: float


def run_envelopes(
    run_ids: Iterable[uuid.UUID], key: str, *, stretches: int = STRETCHES
) -> dict[uuid.UUID, list[CurvePoint]]:
    """{run id: its curve of one metric by step}: at most two points a stretch and both ends, NaN left out.

    Which runs the actor sees is for the caller to say.
    """
    found: dict[uuid.UUID, list[CurvePoint]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ENVELOPES, {"runs": list(run_ids), "key": key, "stretches": stretches})
        for run_id, step, timestamp, value in cursor.fetchall():
            found.setdefault(run_id, []).append(CurvePoint(step, timestamp, value))
    return found
