"""/v1/traces: spans as OpenTelemetry sends them (OTLP over HTTP, protocol buffers)."""

from __future__ import annotations

import contextlib

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import FairwayError, Invalid
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.door import bytes_of, run_id_of
from apps.mlflow_api.otlp import spans_of, unpacked
from apps.traces import services

EXPERIMENT_HEADER = "x-mlflow-experiment-id"
RUN_HEADER = "x-mlflow-run-id"
_PROTOBUF = "application/x-protobuf"


def export(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Keep all spans of a request or none, in the experiment that the header names."""
    if request.content_type != _PROTOBUF:
        raise Invalid(
            f"Invalid Content-Type: {(request.content_type or '')[:60]}. Expected: {_PROTOBUF} "
            "(in most libraries OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)."
        )
    number = request.headers.get(EXPERIMENT_HEADER, "")
    if not number:
        raise Invalid(f"The header {EXPERIMENT_HEADER} must name the experiment that the spans belong to.")
    experiment = experiment_of(actor, request, {"experiment_id": number})
    body = unpacked(bytes_of(request), request.headers.get("Content-Encoding", "").lower())
    drafts = list(spans_of(body))
    if not drafts:
        raise Invalid("Invalid OpenTelemetry format - no spans found")
    traces = services.spans_store(actor=actor, experiment_id=experiment.pk, drafts=drafts)
    run_id = request.headers.get(RUN_HEADER, "")
    if run_id:
        # The spans are kept; a run that is not there leaves them unlinked, as in MLflow.
        with contextlib.suppress(FairwayError):
            keys = [trace.key for trace in traces][: services.LINKS_LIMIT]
            services.traces_link(actor=actor, keys=keys, run_id=run_id_of(run_id))
    return HttpResponse(b"", content_type=_PROTOBUF)
