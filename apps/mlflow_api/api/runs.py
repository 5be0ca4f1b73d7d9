"""runs/*."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.experiments import selectors, services
from apps.experiments.services import MetricPoint
from apps.mlflow_api.door import answer, body_of, float_of, pairs_of, run_id_of, text_of, whole_of
from apps.mlflow_api.shapes import run_shape

METRICS_PER_BATCH = 1000
PAIRS_PER_BATCH = 100


def _id(body: Any) -> Any:
    return run_id_of(text_of(body, "run_id", required=False) or text_of(body, "run_uuid"))


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    return answer({"run": run_shape(selectors.run_get(actor, _id(request.GET)))})


def update(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    end = whole_of(body, "end_time", 0)
    try:
        ended_at = datetime.fromtimestamp(end / 1000, tz=UTC) if end else None
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid.field("end_time", "Not a moment that a calendar knows.") from error
    services.run_update(
        actor=actor,
        run_id=_id(body),
        status=text_of(body, "status", required=False) or None,
        name=text_of(body, "run_name", required=False) or None,
        ended_at=ended_at,
    )
    run = selectors.run_get(actor, _id(body))
    return answer({"run_info": run_shape(run)["info"]})


def log_batch(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    rows = [] if body.get("metrics") is None else body["metrics"]
    if not isinstance(rows, list) or len(rows) > METRICS_PER_BATCH:
        raise Invalid.field("metrics", f"Must be a list of at most {METRICS_PER_BATCH}.")
    points = []
    for row in rows:
        if not isinstance(row, dict):
            raise Invalid.field("metrics", "Each entry has a key, a value, a timestamp and a step.")
        points.append(
            MetricPoint(
                text_of(row, "key"),
                float_of(row, "value"),
                whole_of(row, "timestamp", 0),
                whole_of(row, "step", 0),
            )
        )
    services.run_batch_log(
        actor=actor,
        run_id=_id(body),
        metrics=points,
        params=pairs_of(body, "params", PAIRS_PER_BATCH),
        tags=pairs_of(body, "tags", PAIRS_PER_BATCH),
    )
    return answer({})


def log_metric(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    point = MetricPoint(
        text_of(body, "key"),
        float_of(body, "value"),
        whole_of(body, "timestamp", 0),
        whole_of(body, "step", 0),
    )
    services.metrics_log(actor=actor, run_id=_id(body), points=[point])
    return answer({})


def log_parameter(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    value = text_of(body, "value", required=False)
    services.params_log(actor=actor, run_id=_id(body), params={text_of(body, "key"): value})
    return answer({})


def set_tag(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    value = text_of(body, "value", required=False)
    services.tags_set(actor=actor, run_id=_id(body), tags={text_of(body, "key"): value})
    return answer({})
