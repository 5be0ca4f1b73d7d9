"""logged-models/*."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor, ActorKind
from apps.core.errors import Invalid, NotFound
from apps.experiments import selectors, services
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.api.limits import length_check, params_of, tags_of
from apps.mlflow_api.api.names import name_new
from apps.mlflow_api.door import answer, body_of, model_id_of, run_id_of, text_of, whole_of, word_of
from apps.mlflow_api.shapes import logged_model_shape

if TYPE_CHECKING:
    from apps.experiments.models import LoggedModel


def _shape(model: LoggedModel) -> dict[str, Any]:
    return logged_model_shape(model, metrics=selectors.logged_model_metrics([model]).get(model.pk, ()))


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    run_id = text_of(body, "source_run_id", required=False)
    name = text_of(body, "name", required=False)
    if any(sign in name for sign in "/:.%\"'"):
        raise Invalid(
            f"Invalid model name ({name[:100]}) provided. Model name must be a non-empty string and cannot contain "
            "the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    is_attempt = actor.kind is ActorKind.RUN
    number = whole_of(body, "experiment_id") if is_attempt else experiment_of(actor, request, body).number
    model = services.logged_model_create(
        actor=actor,
        experiment_number=number,
        name=name or name_new(),
        source_run_id=run_id_of(run_id) if run_id else None,
        model_type=length_check("model_type", text_of(body, "model_type", required=False), 100),
        params=params_of(body, count=1000),
        tags=tags_of(body, count=1000),
    )
    return answer({"model": logged_model_shape(model)})


def get(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    return answer({"model": _shape(selectors.logged_model_get(actor, model_id_of(model_id)))})


_TERM = re.compile(r"""^\s*(?:attributes\.)?(name|source_run_id)\s*=\s*(?:'([^'\x00]*)'|"([^"\x00]*)")\s*$""")
_AND = re.compile(r"\s+AND\s+", re.IGNORECASE)
PAGE = 100
_STATUS_NUMBERS = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}


def _filters(text: str) -> dict[str, str]:
    """`name = 'model' AND source_run_id = '...'`: what the client asks before it reads a run's model."""
    wanted = {}
    for term in _AND.split(text) if text.strip() else ():
        found = _TERM.match(term)
        if found is None:
            raise Invalid.field("filter", "Only name = '…' and source_run_id = '…', joined by AND, are understood.")
        wanted[found[1]] = found[2] if found[2] is not None else found[3]
    return wanted


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Logged models of experiments by name or run, oldest first, a page at a time."""
    body = body_of(request)
    numbers = body.get("experiment_ids")
    if not isinstance(numbers, list) or not numbers or len(numbers) > 100:
        raise Invalid.field("experiment_ids", "Give 1 to 100 experiments.")
    limit = min(max(whole_of(body, "max_results", PAGE), 1), PAGE)
    token = text_of(body, "page_token", required=False)
    wanted = _filters(text_of(body, "filter", required=False))
    models = selectors.logged_model_search(
        actor,
        experiment_numbers=[whole_of({"id": number}, "id") for number in numbers],
        name=wanted.get("name"),
        run_id=run_id_of(wanted["source_run_id"]) if "source_run_id" in wanted else None,
        after=model_id_of(token) if token else None,
        limit=limit + 1,
    )
    shown = {"models": [logged_model_shape(model) for model in models[:limit]]}
    if len(models) > limit:
        return answer({**shown, "next_page_token": f"m-{models[limit - 1].pk.hex}"})
    return answer(shown)


def finalize(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    body = body_of(request)
    status = word_of(body, "status", _STATUS_NUMBERS)
    model = services.logged_model_finalize(actor=actor, logged_model_id=model_id_of(model_id), status=status)
    return answer({"model": _shape(model)})


def delete(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    """Out of the lists; versions of it stay whole."""
    services.logged_model_archive(actor=actor, logged_model_id=model_id_of(model_id))
    return answer({})


def params_log(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    params = params_of(body_of(request), count=1000)
    services.logged_model_params_log(actor=actor, logged_model_id=model_id_of(model_id), params=params)
    return answer({})


def tags_set(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    tags = tags_of(body_of(request), count=1000)
    services.logged_model_tags_set(actor=actor, logged_model_id=model_id_of(model_id), tags=tags)
    return answer({})


def tag_delete(actor: Actor, request: HttpRequest, model_id: str, key: str) -> HttpResponseBase:
    if not services.logged_model_tag_delete(actor=actor, logged_model_id=model_id_of(model_id), key=key):
        raise NotFound(f"No tag with key '{key}' found for model with ID '{model_id}'.")
    return answer({})
