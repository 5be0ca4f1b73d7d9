"""traces/metrics and traces/calculate-filter-correlation: numbers over many traces."""

from __future__ import annotations

import math
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.mlflow_api.api.paging import experiment_numbers_of, limit_of, texts_of
from apps.mlflow_api.api.runs import moment_of
from apps.mlflow_api.door import Source, answer, body_of, float_of, rows_of, text_of, whole_of, word_of
from apps.mlflow_api.npmi import PRIOR, npmi
from apps.traces import selectors
from apps.traces.selectors import Aggregation, Question

_VIEWS = {1: "TRACES", 2: "SPANS", 3: "ASSESSMENTS"}
_KINDS = {1: "COUNT", 2: "SUM", 3: "AVG", 4: "PERCENTILE", 5: "MIN", 6: "MAX"}
SHORTEST, LONGEST = 1, 366 * 86_400


def query(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    metric = text_of(body, "metric_name")
    question = Question(
        view=word_of(body, "view_type", _VIEWS),
        metric=metric,
        aggregations=[_aggregation(row) for row in rows_of(body, "aggregations", selectors.AGGREGATIONS_LIMIT)],
        dimensions=list(dict.fromkeys(texts_of(body, "dimensions"))),
        filters=texts_of(body, "filters"),
        interval=_interval(body),
        start=moment_of(body, "start_time_ms"),
        end=moment_of({"end": whole_of(body, "end_time_ms") + 1}, "end") if body.get("end_time_ms") else None,
        limit=limit_of(body, selectors.METRICS_LIMIT, selectors.METRICS_LIMIT),
    )
    points = selectors.trace_metric_points(actor, experiment_numbers_of(actor, request, body), question)
    told = [{"metric_name": metric, "dimensions": point.dimensions, "values": point.values} for point in points]
    return answer({"data_points": told} if told else {})


def _aggregation(row: Source) -> Aggregation:
    given = row.get("percentile_value") is not None
    return Aggregation(word_of(row, "aggregation_type", _KINDS), float_of(row, "percentile_value") if given else None)


def _interval(body: Source) -> int | None:
    if body.get("time_interval_seconds") is None:
        return None
    seconds = whole_of(body, "time_interval_seconds")
    if not SHORTEST <= seconds <= LONGEST:
        raise Invalid.field("time_interval_seconds", f"An interval has {SHORTEST} to {LONGEST} seconds.")
    return seconds


def correlation(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """How strongly two filters pick the same traces."""
    body = body_of(request)
    numbers = experiment_numbers_of(actor, request, body)
    counts = selectors.trace_filter_counts(
        actor,
        numbers,
        text_of(body, "filter_string1"),
        text_of(body, "filter_string2"),
        base=text_of(body, "base_filter", required=False),
    )
    found = (counts.both, counts.first, counts.second, counts.total)
    return answer(
        {
            "npmi": _double(npmi(*found)),
            "npmi_smoothed": _double(npmi(*found, prior=PRIOR)),
            "filter1_count": counts.first,
            "filter2_count": counts.second,
            "joint_count": counts.both,
            "total_count": counts.total,
        }
    )


def _double(value: float) -> Any:
    return "NaN" if math.isnan(value) else value
