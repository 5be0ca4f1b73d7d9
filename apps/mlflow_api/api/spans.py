"""/v1/traces: spans as OpenTelemetry sends them (OTLP over HTTP, in protocol buffers or JSON)."""

from __future__ import annotations

import contextlib
import json
from collections import Counter

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.core.actors import Actor
from apps.core.errors import FairwayError, Invalid
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.door import bytes_of, run_id_of
from apps.mlflow_api.otlp import SpanRefused, spans_of, unpacked
from apps.mlflow_api.otlp_json import spans_of_json
from apps.traces import services
from apps.traces.contracts import SpanDraft

EXPERIMENT_HEADER = "x-mlflow-experiment-id"
# Characters of what is said of refused spans.
_REASONS = 1000
RUN_HEADER = "x-mlflow-run-id"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_READERS = {_PROTOBUF: spans_of, _JSON: spans_of_json}


def export(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Keep the spans of a request in the experiment that the header names; say how many could not be kept and why."""
    kind = request.content_type or ""
    if kind not in _READERS:
        raise Invalid(
            f"Invalid Content-Type: {kind[:60]}. Expected: {_PROTOBUF} or {_JSON} "
            "(in most libraries OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)."
        )
    number = request.headers.get(EXPERIMENT_HEADER, "")
    if not number:
        raise Invalid(f"The header {EXPERIMENT_HEADER} must name the experiment that the spans belong to.")
    experiment = experiment_of(actor, request, {"experiment_id": number})
    body = unpacked(bytes_of(request), request.headers.get("Content-Encoding", "").lower())
    drafts: list[SpanDraft] = []
    refused: Counter[str] = Counter()
    for found in _READERS[kind](body):
        if isinstance(found, SpanRefused):
            refused[found.detail] += 1
        else:
            drafts.append(found)
    if not drafts:
        raise Invalid(next(iter(refused), "Invalid OpenTelemetry format - no spans found"))
    traces = services.spans_store(actor=actor, experiment_id=experiment.pk, drafts=drafts)
    run_id = request.headers.get(RUN_HEADER, "")
    if run_id:
        # The spans are kept; a run that is not there leaves them unlinked, as in MLflow.
        with contextlib.suppress(FairwayError):
            keys = [trace.key for trace in traces][: services.LINKS_LIMIT]
            services.traces_link(actor=actor, keys=keys, run_id=run_id_of(run_id))
    return _told(kind, refused)


def _told(kind: str, refused: Counter[str]) -> HttpResponse:
    """An ExportTraceServiceResponse in the form in which the request came; empty when all spans were kept."""
    count, reasons = refused.total(), " ".join(refused)[:_REASONS]
    if kind == _JSON:
        partial = {"partialSuccess": {"rejectedSpans": str(count), "errorMessage": reasons}} if count else {}
        return HttpResponse(json.dumps(partial), content_type=_JSON)
    response = ExportTraceServiceResponse()
    if count:
        response.partial_success.rejected_spans, response.partial_success.error_message = count, reasons
    return HttpResponse(response.SerializeToString(), content_type=_PROTOBUF)
