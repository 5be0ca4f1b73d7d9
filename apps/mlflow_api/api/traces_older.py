"""traces/* of MLflow 2: a trace is begun, then ended, and its spans are a file."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.core.actors import Actor
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.api.paging import experiment_numbers_of, limit_of, texts_of, token_of
from apps.mlflow_api.api.runs import moment_of
from apps.mlflow_api.api.traces import PAGE, SEARCH_LIMIT
from apps.mlflow_api.door import answer, args_of, body_of, pairs_of, text_of, word_of
from apps.mlflow_api.trace_shapes import trace_info_shape_2
from apps.traces import selectors, services
from apps.traces.contracts import TraceDraft

PAIRS = 200
_STATES = {0: "TRACE_STATUS_UNSPECIFIED", 1: "OK", 2: "ERROR", 3: "IN_PROGRESS"}


def _shape(actor: Actor, trace_id: uuid.UUID) -> dict[str, Any]:
    trace = selectors.trace_by_id(actor, trace_id)
    return trace_info_shape_2(trace, has_file=bool(selectors.file_counts([trace])))


def start(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Begin a trace, whose id is the server's."""
    body = body_of(request)
    draft = TraceDraft(
        key=f"tr-{uuid.uuid4().hex}",
        started_at=moment_of(body, "timestamp_ms") or timezone.now(),
        state="IN_PROGRESS",
        tags=pairs_of(body, "tags", PAIRS),
        metadata=pairs_of(body, "request_metadata", PAIRS),
    )
    trace = services.trace_describe(actor=actor, experiment_id=experiment_of(actor, request, body).pk, draft=draft)
    return answer({"trace_info": _shape(actor, trace.pk)})


def end(actor: Actor, request: HttpRequest, trace_id: str) -> HttpResponseBase:
    body = body_of(request)
    state = word_of(body, "status", _STATES)
    trace = services.trace_end(
        actor=actor,
        trace_id=selectors.trace_get(actor, trace_id).pk,
        ended_at=moment_of(body, "timestamp_ms") or timezone.now(),
        state=state.replace("TRACE_STATUS", "STATE"),
        tags=pairs_of(body, "tags", PAIRS),
        metadata=pairs_of(body, "request_metadata", PAIRS),
    )
    return answer({"trace_info": _shape(actor, trace.pk)})


def info(actor: Actor, request: HttpRequest, trace_id: str) -> HttpResponseBase:
    return answer({"trace_info": _shape(actor, selectors.trace_get(actor, trace_id).pk)})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """A page of traces of experiments."""
    source = args_of(request)
    found, token = selectors.trace_search_page(
        actor,
        experiment_numbers=experiment_numbers_of(actor, request, source),
        filter_text=text_of(source, "filter", required=False),
        order_texts=texts_of(source, "order_by"),
        token=token_of(source),
        limit=limit_of(source, PAGE, SEARCH_LIMIT),
    )
    files = selectors.file_counts(found)
    told = [trace_info_shape_2(trace, has_file=trace.pk in files) for trace in found]
    shape: dict[str, Any] = {"traces": told} if told else {}
    return answer({**shape, "next_page_token": token} if token else shape)
