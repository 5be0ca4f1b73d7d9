"""Reading measurements: histories, curves, what came since."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count

from apps.experiments.models import Metric, Run

# Where a page of a history ended: the moment, step and id of its last measurement.
HistoryPlace = tuple[int, int, int]


class Point(NamedTuple):
    """A measurement of a run, with no more than a history tells."""

    run_id: uuid.UUID
    key: str
    value: float
    timestamp: int
    step: int


def metric_history_page(
    run: Run, key: str, *, after: HistoryPlace | None = None, limit: int
) -> tuple[list[Point], HistoryPlace | None]:
    """Measurements of one key by time and step, a page at a time, and where the next page goes on (None: the end)."""
    rows = Metric.objects.filter(run=run, key=key)
    if after is not None:
        rows = rows.extra(  # a row comparison, which the ORM cannot say
            where=['("timestamp", step, id) > (%s, %s, %s)'], params=list(after)
        )
    found = rows.order_by("timestamp", "step", "id").values_list("value", "timestamp", "step", "pk")[: limit + 1]
    # A page has tens of thousands of them: no object of the database's own is made for one.
    page = list(found)
    place = page[limit - 1][1:] if len(page) > limit else None
    return [Point(run.pk, key, value, at, step) for value, at, step, _ in page[:limit]], place


# The first of each of so many equal parts of a run's measurements, and the last. Both passes ask for what the index
# of repeated measurements holds, in its own order, so that nothing is sorted.
_SAMPLE = """
WITH counted AS (
  SELECT run_id, count(*) - 1 AS last
    FROM experiments_metric
   WHERE run_id = ANY(%(runs)s) AND key = %(key)s AND step BETWEEN %(first)s AND %(end)s
   GROUP BY run_id)
SELECT run_id, %(key)s, value, "timestamp", step
  FROM counted CROSS JOIN LATERAL (
       SELECT value, "timestamp", step,
              row_number() OVER (ORDER BY step, "timestamp", value, model_id) - 1 AS place
         FROM experiments_metric m
        WHERE m.run_id = counted.run_id AND key = %(key)s AND step BETWEEN %(first)s AND %(end)s) numbered
 WHERE place = last
    OR %(parts)s > 0 AND (place = 0 OR last <= %(parts)s
                          OR place * %(parts)s / NULLIF(last, 0) > (place - 1) * %(parts)s / NULLIF(last, 0))
 ORDER BY run_id, place
"""
EVERY_STEP = (-(2**63), 2**63 - 1)


def metric_history_sampled(
    run_ids: Iterable[uuid.UUID], key: str, *, limit: int, steps: tuple[int, int] = EVERY_STEP
) -> list[Point]:
    """Of each run at most `limit` measurements of one key by step and time, evenly spread, first and last among them.

    Of one, the last. Within `steps`, both ends included. What the actor may see is for the caller to say.
    """
    first, end = steps
    asked: dict[str, Any] = {"runs": list(run_ids), "key": key, "first": first, "end": end, "parts": limit - 1}
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, asked)
        return [Point(*row) for row in cursor.fetchall()]


def metric_histories(run_ids: Iterable[uuid.UUID], key: str, *, limit: int) -> list[Metric]:
    """The first `limit` measurements of one key, run by run, each by time and step."""
    rows = Metric.objects.filter(run_id__in=list(run_ids), key=key)
    return list(rows.order_by("run_id", "timestamp", "step", "value", "id")[:limit])


def metric_history(run: Run, key: str, *, limit: int = 50_000) -> list[Metric]:
    """Measurements of one key by step and time."""
    return list(Metric.objects.filter(run=run, key=key).order_by("step", "timestamp", "id")[:limit])


def metrics_after(run_id: uuid.UUID, after: int, *, limit: int = 2000) -> list[Metric]:
    """Measurements with an id above `after`, for the live topic."""
    return list(Metric.objects.filter(run_id=run_id, pk__gt=after).order_by("pk")[:limit])


def metric_counts(run_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """{run id: how many measurements it has} of those that have any."""
    rows = Metric.objects.filter(run_id__in=list(run_ids)).values("run_id").annotate(n=Count("pk")).order_by()
    return {row["run_id"]: row["n"] for row in rows}
