"""logged-models/*."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.experiments import selectors, services
from apps.mlflow_api.door import answer, body_of, model_id_of, pairs_of, run_id_of, text_of, whole_of
from apps.mlflow_api.shapes import logged_model_shape


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    source = text_of(body, "source_run_id", required=False)
    model = services.logged_model_create(
        actor=actor,
        experiment_number=whole_of(body, "experiment_id"),
        name=text_of(body, "name", required=False, default="model"),
        source_run_id=run_id_of(source) if source else None,
        model_type=text_of(body, "model_type", required=False),
        params=pairs_of(body, "params", 1000),
        tags=pairs_of(body, "tags", 100),
    )
    return answer({"model": logged_model_shape(model)})


def get(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    return answer({"model": logged_model_shape(selectors.logged_model_get(actor, model_id_of(model_id)))})


def finalize(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    body = body_of(request)
    # Proto JSON: clients send the enum's name or its number.
    status = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}.get(
        body.get("status") if isinstance(body.get("status"), int) else -1, ""
    ) or text_of(body, "status")
    model = services.logged_model_finalize(actor=actor, logged_model_id=model_id_of(model_id), status=status)
    return answer({"model": logged_model_shape(model)})


def tags_set(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    model = services.logged_model_tags_set(
        actor=actor, logged_model_id=model_id_of(model_id), tags=pairs_of(body_of(request), "tags", 100)
    )
    return answer({"model": logged_model_shape(model)})
