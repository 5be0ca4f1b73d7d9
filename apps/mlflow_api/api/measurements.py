"""runs/log-*, tags of runs, and the history of a metric."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.experiments import selectors, services
from apps.experiments.services import MetricPoint
from apps.mlflow_api.api.limits import (
    BATCH_BYTES,
    DATASET,
    ENTRIES_PER_BATCH,
    METRICS_PER_BATCH,
    PARAM,
    TAG,
    key_of,
    length_check,
    params_of,
    tags_of,
)
from apps.mlflow_api.door import (
    LARGEST,
    LONGEST,
    Source,
    answer,
    args_of,
    body_of,
    float_of,
    model_id_of,
    rows_of,
    run_id_in,
    text_of,
    whole_of,
)
from apps.mlflow_api.shapes import metric_shape

HISTORY_LIMIT = 1_000_000
LOGGED_MODELS_TAG = "mlflow.log-model.history"


def _point(row: Source, path: str = "") -> MetricPoint:
    key = key_of(row, path)
    try:
        value, timestamp = float_of(row, "value"), whole_of(row, "timestamp")
    except Invalid as error:
        raise Invalid(error.detail.replace("parameter '", f"parameter '{path}")) from error
    if timestamp < 0:
        raise Invalid(
            f"Invalid value {timestamp} for parameter '{path}timestamp' supplied: metric '{key}' (value={value}). "
            "Timestamp must be a nonnegative long (64-bit integer) "
        )
    model = text_of(row, "model_id", required=False)
    model_id: uuid.UUID | None = model_id_of(model) if model else None
    name, digest = (text_of(row, part, required=False) for part in ("dataset_name", "dataset_digest"))
    return MetricPoint(
        key,
        value,
        timestamp,
        whole_of(row, "step", 0),
        model_id,
        length_check("dataset_name", name, DATASET["name"]) or None,
        length_check("dataset_digest", digest, DATASET["digest"]) or None,
    )


def _points(rows: list[dict[str, Any]]) -> list[MetricPoint]:
    """The measurements of a batch. One whose key was judged before, and that holds plain numbers, is taken as it is."""
    judged: set[str] = set()
    points = []
    for n, row in enumerate(rows):
        key, value, timestamp, step = map(row.get, ("key", "value", "timestamp", "step"))
        if (
            len(row) == 4
            and type(key) is str
            and key in judged
            and type(value) is float
            and -LARGEST <= value <= LARGEST
            and type(timestamp) is type(step) is int
            and 0 <= timestamp <= LONGEST
            and -LONGEST <= step <= LONGEST
        ):
            points.append(MetricPoint(key, value, timestamp, step))
        else:
            points.append(_point(row, f"metrics[{n}]."))
            judged.add(points[-1].key)
    return points


def log_batch(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    if len(request.body) > BATCH_BYTES:
        raise Invalid(
            f"Batched logging API requests must be at most {BATCH_BYTES} bytes, got a request of size "
            f"{len(request.body)}."
        )
    points = _points(rows_of(body, "metrics", METRICS_PER_BATCH))
    params, tags = params_of(body), tags_of(body)
    total = len(points) + len(params) + len(tags)
    if total > ENTRIES_PER_BATCH:
        raise Invalid(
            f"A batch logging request can contain at most {ENTRIES_PER_BATCH} metrics, params, and tags. Got {total} "
            "metrics, params, and tags. Please split up metrics, params, and tags across multiple requests and try "
            "again."
        )
    services.run_batch_log(actor=actor, run_id=run_id_in(body), metrics=points, params=params, tags=tags)
    return answer({})


def log_metric(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    services.metrics_log(actor=actor, run_id=run_id_in(body), points=[_point(body)])
    return answer({})


def log_parameter(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    params = {key_of(body): text_of(body, "value", required=False)[:PARAM]}
    services.params_log(actor=actor, run_id=run_id_in(body), params=params)
    return answer({})


def set_tag(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    tags = {key_of(body): text_of(body, "value", required=False)[:TAG]}
    services.tags_set(actor=actor, run_id=run_id_in(body), tags=tags)
    return answer({})


def delete_tag(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    key, run_id = key_of(body), run_id_in(body)
    if not services.tag_delete(actor=actor, run_id=run_id, key=key):
        raise NotFound(f"No tag with name: {key} in run with id {run_id.hex}")
    return answer({})


def log_model(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """The older clients' note of a model among the run's files: a tag that lists them."""
    body = body_of(request)
    text = text_of(body, "model_json")
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"Malformed model info. \n {text[:200]} \n could not be parsed as JSON.") from error
    missing = (
        sorted({"artifact_path", "flavors", "utc_time_created", "run_id"} - set(model))
        if isinstance(model, dict)
        else []
    )
    if not isinstance(model, dict) or missing:
        raise Invalid(f"Model json is missing mandatory fields: {missing}")
    run = selectors.run_get(actor, run_id_in(body))
    held = json.loads(run.tags.get(LOGGED_MODELS_TAG) or "[]")
    value = json.dumps([*held, model])
    length_check("value", value, TAG)
    services.tags_set(actor=actor, run_id=run.pk, tags={LOGGED_MODELS_TAG: value})
    return answer({})


def _token(place: selectors.HistoryPlace) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(token: str) -> selectors.HistoryPlace:
    try:
        timestamp, step, pk = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError, RecursionError) as error:
        raise Invalid("Invalid page token, could not base64-decode") from error
    for number in (timestamp, step, pk):
        if type(number) is not int or not -(2**63) <= number < 2**63:
            raise Invalid("Invalid page token, could not base64-decode")
    return timestamp, step, pk


def history(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """metrics/get-history: the measurements of one key by time, all of them or a page at a time."""
    source = args_of(request)
    run_id, key = run_id_in(source), text_of(source, "metric_key")
    limit = whole_of(source, "max_results", HISTORY_LIMIT)
    if limit < 1:
        raise Invalid(f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer.")
    token = text_of(source, "page_token", required=False)
    run = selectors.run_get(actor, run_id)
    page, place = selectors.metric_history_page(
        run, key, after=_place(token) if token else None, limit=min(limit, HISTORY_LIMIT)
    )
    shape: dict[str, object] = {"metrics": [metric_shape(metric) for metric in page]} if page else {}
    if place is not None:
        shape["next_page_token"] = _token(place)
    return answer(shape)
