"""registered-models/*: a registered model of MLflow is a model of Fairway's team."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.mlflow_api.api.limits import REGISTRY_TAG, key_of, length_check, model_name_of, registry_tags_of
from apps.mlflow_api.api.paging import limit_of, texts_of, token_of
from apps.mlflow_api.api.registry_names import description_of, model_of
from apps.mlflow_api.api.teams import team_named, team_of
from apps.mlflow_api.door import answer, args_of, body_of, text_of
from apps.mlflow_api.errors import NotImplementedHere
from apps.mlflow_api.registry_shapes import model_shape, version_shape
from apps.mlflow_api.shapes import without_empty
from apps.registry import selectors, services
from apps.registry.contracts import live_version_ids

if TYPE_CHECKING:
    from apps.registry.models import Model

PAGE = 100
SEARCH_LIMIT = 1_000
_PROMPT_TAG = "mlflow.prompt.is_prompt"


def full_shapes(models: Sequence[Model]) -> list[dict[str, Any]]:
    """Models with their newest versions by stage and their aliases."""
    live = live_version_ids([model.pk for model in models])
    aliases, heads = selectors.alias_numbers(models), defaultdict(list)
    for version in selectors.version_heads_by_stage(models, live):
        heads[version.model_id].append(version_shape(version, live=live.get(version.model_id) == version.pk))
    return [model_shape(model, heads=heads[model.pk], aliases=aliases.get(model.pk)) for model in models]


def full_shape(model: Model) -> dict[str, Any]:
    return full_shapes([model])[0]


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Models of the named workspace, else of all teams of the actor."""
    source = args_of(request)
    found, token = selectors.registered_model_page(
        actor,
        team_id=team_named(request),
        filter_text=text_of(source, "filter", required=False),
        order_texts=texts_of(source, "order_by"),
        token=token_of(source),
        limit=limit_of(source, PAGE, SEARCH_LIMIT),
    )
    shape = without_empty({"registered_models": full_shapes(found)})
    return answer({**shape, "next_page_token": token} if token else shape)


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
    name = model_name_of(body, "new_name")
    model = model_of(actor, request, body)
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
