"""registered-models/*: a registered model of MLflow is a model of Fairway's team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.mlflow_api.api.limits import REGISTRY_TAG, key_of, length_check, model_name_of, registry_tags_of
from apps.mlflow_api.api.registry_names import description_of, model_of
from apps.mlflow_api.api.teams import team_of
from apps.mlflow_api.door import answer, args_of, body_of, text_of
from apps.mlflow_api.errors import NotImplementedHere
from apps.mlflow_api.registry_shapes import model_shape, version_shape
from apps.registry import selectors, services
from apps.registry.contracts import live_version_id

if TYPE_CHECKING:
    from apps.registry.models import Model

_PROMPT_TAG = "mlflow.prompt.is_prompt"


def full_shape(model: Model) -> dict[str, Any]:
    """A model with its newest versions by stage and its aliases."""
    live = live_version_id(model.pk)
    heads = selectors.version_heads_by_stage([model], {model.pk: live} if live else {})
    shapes = [version_shape(version, live=version.pk == live) for version in heads]
    return model_shape(model, heads=shapes, aliases=selectors.alias_numbers(model))


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    name, tags = model_name_of(body), registry_tags_of(body)
    if tags.get(_PROMPT_TAG, "").lower() == "true":
        raise NotImplementedHere("Fairway keeps no prompts: a registered model holds model files.")
    try:
        model = services.model_create(
            actor=actor, team_id=team_of(actor, request), name=name, description=description_of(body), tags=tags
        )
    except Conflict as error:
        raise Conflict(f"Registered Model (name={name}) already exists.", code=error.code) from error
    return answer({"registered_model": model_shape(model)})


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    return answer({"registered_model": full_shape(model_of(actor, request, args_of(request)))})


def rename(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    model, name = model_of(actor, request, body), model_name_of(body, "new_name")
    try:
        model = services.model_update(actor=actor, model_id=model.pk, name=name)
    except Conflict as error:
        raise Conflict(f"Registered Model (name={name}) already exists.", code=error.code) from error
    return answer({"registered_model": full_shape(model)})


def update(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Change the description."""
    body = body_of(request)
    model = model_of(actor, request, body)
    model = services.model_update(actor=actor, model_id=model.pk, description=description_of(body))
    return answer({"registered_model": full_shape(model)})


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Out of the lists, with its versions; the name is free again and nothing is lost."""
    services.model_archive(actor=actor, model_id=model_of(actor, request, body_of(request)).pk)
    return answer({})


def tag_set(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    tags = {key_of(body): length_check("value", text_of(body, "value", required=False), REGISTRY_TAG)}
    services.model_update(actor=actor, model_id=model_of(actor, request, body).pk, tags=tags)
    return answer({})


def tag_delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """One that is not there is no error, as in MLflow."""
    body = body_of(request)
    key = key_of(body)
    services.model_tag_delete(actor=actor, model_id=model_of(actor, request, body).pk, key=key)
    return answer({})
