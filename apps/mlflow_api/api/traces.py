"""traces/*: what is said of traces, and finding them again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.api.limits import length_check
from apps.mlflow_api.api.limits import model_name_of as prompt_name_of
from apps.mlflow_api.api.paging import experiment_numbers_of, limit_of, texts_of, token_of
from apps.mlflow_api.api.runs import moment_of as millis_of
from apps.mlflow_api.api.trace_bodies import object_of, trace_draft_of
from apps.mlflow_api.door import (
    Source,
    answer,
    args_of,
    body_of,
    flag_of,
    list_of,
    rows_of,
    run_id_in,
    text_of,
    whole_of,
)
from apps.mlflow_api.trace_shapes import span_shape, trace_info_shape
from apps.traces import selectors, services

if TYPE_CHECKING:
    from apps.traces.models import Trace

PAGE = 100
SEARCH_LIMIT = 500
IDS_PER_CALL = 1000
TAG_KEY = 250
TAG = 8000
# So many pieces of an answer's text are sent at once.
_JOINED = 50


def infos_shape(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Traces with their assessments."""
    assessments, files = selectors.assessments_of(traces), selectors.file_counts(traces)
    return [trace_info_shape(trace, assessments.get(trace.pk, ()), has_file=trace.pk in files) for trace in traces]


def start(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """What a client calls when a trace has ended; its spans are sent apart."""
    body = body_of(request)
    info = object_of(object_of(body, "trace", required=True), "trace_info", required=True)
    place = object_of(object_of(info, "trace_location"), "mlflow_experiment")
    experiment = experiment_of(actor, request, place)
    trace = services.trace_describe(actor=actor, experiment_id=experiment.pk, draft=trace_draft_of(info))
    trace = selectors.trace_by_id(actor, trace.pk)
    # As if there were a file: a client whose spans have not all come in sends one.
    assessments = selectors.assessments_of([trace]).get(trace.pk, ())
    return answer({"trace": {"trace_info": trace_info_shape(trace, assessments, has_file=True)}})


def info(actor: Actor, request: HttpRequest, trace_id: str) -> HttpResponseBase:
    return answer({"trace": {"trace_info": infos_shape([selectors.trace_get(actor, trace_id)])[0]}})


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """A trace with its spans."""
    source = args_of(request)
    trace = selectors.trace_get(actor, text_of(source, "trace_id"))
    if not flag_of(source, "allow_partial") and not selectors.spans_complete(trace):
        raise NotFound(f"Trace with ID {trace.key} is not fully exported yet, please try again later.")
    [told] = infos_shape([trace])
    return _sent(_join(['{"trace":', *_whole(trace, told), "}"]))


def batch_get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Traces with their spans; what the actor does not see, or what has none yet, is left out."""
    traces = _named(actor, request, args_of(request))
    told = infos_shape(traces)

    def parts() -> Iterator[str]:
        first = True
        for trace, shape in zip(traces, told, strict=True):
            if selectors.spans_complete(trace):
                yield '{"traces":[' if first else ","
                yield from _whole(trace, shape)
                first = False
        yield "{}" if first else "]}"

    return _sent(_join(parts()))


def batch_infos(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    told = infos_shape(_named(actor, request, body_of(request)))
    return answer({"trace_infos": told} if told else {})


def _named(actor: Actor, request: HttpRequest, source: Source) -> list[Trace]:
    keys = _texts(source, "trace_ids")
    if not keys:
        raise Invalid.field("trace_ids", "Missing value for required parameter 'trace_ids'.")
    numbers = experiment_numbers_of(actor, request, source) if "experiment_ids" in source else None
    return selectors.traces_by_keys(actor, keys, experiment_numbers=numbers)


def _texts(source: Source, name: str, limit: int = IDS_PER_CALL) -> list[str]:
    texts = list_of(source, name, limit)
    for text in texts:
        if not isinstance(text, str) or "\x00" in text:
            raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: a list of texts.")
    return texts


def _whole(trace: Trace, told: dict[str, Any]) -> Iterator[str]:
    """The JSON of a trace with its spans, of which few are held at a time."""
    yield f'{{"trace_info":{json.dumps(told)},"spans":['
    for number, span in enumerate(selectors.span_iterate(trace)):
        yield ("," if number else "") + json.dumps(span_shape(trace, span), separators=(",", ":"))
    yield "]}"


def _join(parts: Iterator[str] | list[str]) -> Iterator[str]:
    """Fewer and longer pieces."""
    held: list[str] = []
    for part in parts:
        held.append(part)
        if len(held) == _JOINED:
            yield "".join(held)
            held.clear()
    yield "".join(held)


def _sent(parts: Iterator[str]) -> HttpResponseBase:
    return StreamingHttpResponse(parts, content_type="application/json")


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """A page of traces of experiments, without their spans."""
    body = body_of(request)
    places = [object_of(row, "mlflow_experiment").get("experiment_id") for row in rows_of(body, "locations")]
    if not places:
        raise Invalid.field("locations", "Missing value for required parameter 'locations'.")
    numbers = experiment_numbers_of(actor, request, {"experiment_ids": [place for place in places if place]})
    found, token = selectors.trace_search_page(
        actor,
        experiment_numbers=numbers,
        filter_text=text_of(body, "filter", required=False),
        order_texts=texts_of(body, "order_by"),
        token=token_of(body),
        limit=limit_of(body, PAGE, SEARCH_LIMIT),
    )
    shape: dict[str, Any] = {"traces": infos_shape(found)} if found else {}
    return answer({**shape, "next_page_token": token} if token else shape)


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Delete traces for good."""
    body = body_of(request)
    count = services.traces_delete(
        actor=actor,
        experiment_id=experiment_of(actor, request, body).pk,
        keys=_texts(body, "request_ids") or None,
        before=_before(body),
        most=whole_of(body, "max_traces") if body.get("max_traces") is not None else None,
    )
    return answer({"traces_deleted": count})


def _before(body: Source) -> Any:
    """The end of the millisecond that a client names; None when it names none."""
    if body.get("max_timestamp_millis") is None:
        return None
    return millis_of({"moment": whole_of(body, "max_timestamp_millis") + 1}, "moment")


def tag_set(actor: Actor, request: HttpRequest, trace_id: str) -> HttpResponseBase:
    body = body_of(request)
    trace = selectors.trace_get(actor, trace_id)
    key = length_check("key", text_of(body, "key"), TAG_KEY)
    value = text_of(body, "value", required=False)[:TAG]
    services.trace_tag_set(actor=actor, trace_id=trace.pk, key=key, value=value)
    return answer({})


def tag_delete(actor: Actor, request: HttpRequest, trace_id: str) -> HttpResponseBase:
    key = text_of(body_of(request), "key")
    services.trace_tag_delete(actor=actor, trace_id=selectors.trace_get(actor, trace_id).pk, key=key)
    return answer({})


def prompts_link(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """link-prompts: the trace used these versions of prompts, wherever they are kept."""
    body = body_of(request)
    key, rows = text_of(body, "trace_id"), rows_of(body, "prompt_versions", services.PROMPTS_LIMIT)
    if not rows:
        raise Invalid.field("prompt_versions", "Missing value for required parameter 'prompt_versions'.")
    prompts = [f"{prompt_name_of(row)}/{whole_of(row, 'version')}" for row in rows]
    services.prompts_link(actor=actor, trace_id=selectors.trace_get(actor, key).pk, prompts=prompts)
    return answer({})


def link(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """link-to-run: these traces belong to that run."""
    body = body_of(request)
    services.traces_link(actor=actor, keys=_texts(body, "trace_ids"), run_id=run_id_in(body))
    return answer({})
