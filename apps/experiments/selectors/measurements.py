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


# All three statements ask for what the index of repeated measurements holds, in its own order: nothing is sorted, and
# no row of the table is read.
_SIZES = """
SELECT run_id, (SELECT count(*) FROM (
         SELECT FROM experiments_metric m
          WHERE m.run_id = asked.run_id AND key = %(key)s AND step BETWEEN %(first)s AND %(end)s
          LIMIT %(parts)s + 2) AS at_most)
  FROM unnest(%(runs)s) AS asked(run_id)
"""
# The first measurement at or after each of so many steps that lie evenly between a run's first and last, and its last.
_BY_STEP = """
WITH ends AS (
  SELECT run_id, low.step::numeric AS low, high.step::numeric AS high, high.value, high."timestamp"
    FROM unnest(%(runs)s) AS asked(run_id)
   CROSS JOIN LATERAL (
         SELECT step FROM experiments_metric m
          WHERE m.run_id = asked.run_id AND key = %(key)s AND step BETWEEN %(first)s AND %(end)s
          ORDER BY step, "timestamp", value, model_id LIMIT 1) low
   CROSS JOIN LATERAL (
         SELECT step, "timestamp", value FROM experiments_metric m
          WHERE m.run_id = asked.run_id AND key = %(key)s AND step BETWEEN %(first)s AND %(end)s
          ORDER BY step DESC, "timestamp" DESC, value DESC, model_id DESC LIMIT 1) high)
SELECT run_id, %(key)s, found.value, found."timestamp", found.step
  FROM ends CROSS JOIN generate_series(0, %(parts)s - 1) part CROSS JOIN LATERAL (
       SELECT step, "timestamp", value FROM experiments_metric m
        WHERE m.run_id = ends.run_id AND key = %(key)s AND step >= ceil(low + (high - low) * part / %(parts)s)::int8
        ORDER BY step, "timestamp", value, model_id LIMIT 1) found
 UNION
SELECT run_id, %(key)s, value, "timestamp", high::int8 FROM ends
 ORDER BY 1, 5, 4, 3
"""
# The first of each of so many equal parts of a run's measurements, and the last: all of them where they are few, and
# where many share a step.
_BY_PLACE = """
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

    Spread over the steps; over the measurements where fewer than half as many steps as asked for have one. Of one, the
    last. Within `steps`, both ends included. What the actor may see is for the caller to say.
    """
    first, end = steps
    asked: dict[str, Any] = {"key": key, "first": first, "end": end, "parts": limit - 1}
    found: dict[uuid.UUID, list[Point]] = {}
    with connection.cursor() as cursor:

        def read(statement: str, runs: list[uuid.UUID]) -> None:
            if runs:
                cursor.execute(statement, asked | {"runs": runs})
                found.update({run_id: [] for run_id in runs})
                for row in cursor.fetchall():
                    found[row[0]].append(Point(*row))

        cursor.execute(_SIZES, asked | {"runs": list(run_ids)})
        sizes: dict[uuid.UUID, int] = dict(cursor.fetchall())
        read(_BY_STEP, [run_id for run_id, size in sizes.items() if size > limit > 1])
        read(_BY_PLACE, [run_id for run_id in sizes if len(found.get(run_id, ())) * 2 < limit])
    return [point for run_id in sorted(sizes) for point in found[run_id]]


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
