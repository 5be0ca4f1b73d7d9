"""registered-models/alias: movable names of versions."""

from __future__ import annotations

import contextlib

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.mlflow_api.api.limits import length_check
from apps.mlflow_api.api.registry_names import model_of, shape_of, version_aliased, version_of
from apps.mlflow_api.door import answer, args_of, body_of, text_of
from apps.registry import services


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    source = args_of(request)
    model, alias = model_of(actor, request, source), length_check("alias", text_of(source, "alias"), 255)
    return answer({"model_version": shape_of(version_aliased(model, alias))})


def put(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    alias = text_of(body, "alias")
    services.alias_check(alias)
    version = version_of(actor, request, body)
    services.alias_set(actor=actor, model_id=version.model_id, name=alias, version_id=version.pk)
    return answer({})


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """One that is not there is no error, as in MLflow."""
    body = body_of(request)
    model, alias = model_of(actor, request, body), text_of(body, "alias")
    with contextlib.suppress(NotFound):
        services.alias_delete(actor=actor, model_id=model.pk, name=alias)
    return answer({})
