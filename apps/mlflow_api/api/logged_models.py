"""logged-models/*."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
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
    # Proto JSON: clients send the enum's name or its number.
    given = body.get("status")
    status = _STATUS_NUMBERS.get(given, "") if isinstance(given, int) else text_of(body, "status")
    model = services.logged_model_finalize(actor=actor, logged_model_id=model_id_of(model_id), status=status)
    return answer({"model": logged_model_shape(model)})


def tags_set(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    model = services.logged_model_tags_set(
        actor=actor, logged_model_id=model_id_of(model_id), tags=pairs_of(body_of(request), "tags", 100)
    )
    return answer({"model": logged_model_shape(model)})
