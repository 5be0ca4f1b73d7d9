"""Reading measurements: histories, curves, what came since."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import Count

from apps.experiments.models import Metric, Run

# Where a page of a history ended: the moment, step and id of its last measurement.
HistoryPlace = tuple[int, int, int]


def metric_history_page(
    run: Run, key: str, *, after: HistoryPlace | None = None, limit: int
) -> tuple[list[Metric], HistoryPlace | None]:
    """Measurements of one key by time and step, a page at a time, and where the next page goes on (None: the end)."""
    rows = Metric.objects.filter(run=run, key=key)
    if after is not None:
        rows = rows.extra(  # a row comparison, which the ORM cannot say
            where=['("timestamp", step, id) > (%s, %s, %s)'], params=list(after)
        )
    page = list(rows.order_by("timestamp", "step", "id")[: limit + 1])
    if len(page) <= limit:
        return page, None
    last = page[limit - 1]
    return page[:limit], (last.timestamp, last.step, last.pk)


# The first of each of so many equal parts of a run's measurements, and the last.
_SAMPLE = """
SELECT numbered.*
  FROM (SELECT m.*,
               row_number() OVER (PARTITION BY run_id ORDER BY step, "timestamp", value, id) - 1 AS place,
               count(*) OVER (PARTITION BY run_id) - 1 AS last
          FROM experiments_metric m
         WHERE run_id = ANY(%(runs)s) AND key = %(key)s AND step BETWEEN %(first)s AND %(end)s) numbered
 WHERE place = last
    OR %(parts)s > 0 AND (place = 0 OR last <= %(parts)s
                          OR place * %(parts)s / NULLIF(last, 0) > (place - 1) * %(parts)s / NULLIF(last, 0))
 ORDER BY run_id, step, "timestamp", value, id
"""
EVERY_STEP = (-(2**63), 2**63 - 1)


def metric_history_sampled(
    run_ids: Iterable[uuid.UUID], key: str, *, limit: int, steps: tuple[int, int] = EVERY_STEP
) -> list[Metric]:
    """Of each run at most `limit` measurements of one key by step and time, evenly spread, first and last among them.

    Of one, the last. Within `steps`, both ends included. What the actor may see is for the caller to say.
    """
    first, end = steps
    asked = {"runs": list(run_ids), "key": key, "first": first, "end": end, "parts": limit - 1}
    return list(Metric.objects.raw(_SAMPLE, asked))


def metric_histories(run_ids: Iterable[uuid.UUID], key: str, *, limit: int) -> list[Metric]:
    """The first `limit` measurements of one key, run by run, each by time and step."""
    rows = Metric.objects.filter(run_id__in=list(run_ids), key=key)
    return list(rows.order_by("run_id", "timestamp", "step", "value", "id")[:limit])


def metric_history(run: Run, key: str, *, limit: int = 50_000) -> list[Metric]:
    """Measurements of one key by step and time."""
    return list(Metric.objects.filter(run=run, key=key).order_by("step", "timestamp", "id")[:limit])


Curves = dict[str, dict[uuid.UUID, list[tuple[int, float]]]]


def metric_curves(runs: list[Run], *, points: int = 320) -> Curves:
    """{key: {run id: [(step, value), ...]}} for keys measured at more than one step, thinned to `points` each."""
    return metric_curves_from(runs, points=points)[0]


def metric_curves_from(runs: list[Run], *, points: int = 320) -> tuple[Curves, int]:
    """The curves, and the id of their newest measurement: where a live page goes on (0: from the start)."""
    rows = (
        Metric.objects.filter(run__in=runs)
        .values_list("key", "run_id", "step", "value", "pk")
        .order_by("key", "run_id", "step", "timestamp", "id")[:200_000]
    )
    curves: Curves = {}
    newest = 0
    for key, run_id, step, value, pk in rows:
        curves.setdefault(key, {}).setdefault(run_id, []).append((step, value))
        newest = max(newest, pk)
    return _thinned(curves, points), newest


def _thinned(curves: Curves, points: int) -> Curves:
    thinned: Curves = {}
    for key, by_run in curves.items():
        if all(len({step for step, _ in line}) < 2 for line in by_run.values()):
            continue
        thinned[key] = {}
        for run_id, line in by_run.items():
            stride = max(1, -(-len(line) // points))
            kept = line[::stride]
            if kept[-1] != line[-1]:
                kept.append(line[-1])
            thinned[key][run_id] = kept
    return thinned


def metrics_after(run_id: uuid.UUID, after: int, *, limit: int = 2000) -> list[Metric]:
    """Measurements with an id above `after`, for the live topic."""
    return list(Metric.objects.filter(run_id=run_id, pk__gt=after).order_by("pk")[:limit])


def metric_counts(run_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """{run id: how many measurements it has} of those that have any."""
    rows = Metric.objects.filter(run_id__in=list(run_ids)).values("run_id").annotate(n=Count("pk")).order_by()
    return {row["run_id"]: row["n"] for row in rows}
