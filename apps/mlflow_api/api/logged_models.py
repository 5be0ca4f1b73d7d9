"""logged-models/*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor, ActorKind
from apps.core.errors import Invalid, NotFound
from apps.experiments import selectors, services
from apps.experiments.selectors import LOGGED_MODELS, MeasuredOn, ModelOrder
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.api.limits import length_check, params_of, tags_of
from apps.mlflow_api.api.names import name_new
from apps.mlflow_api.api.paging import experiment_numbers_of, limit_of, token_of
from apps.mlflow_api.door import (
    Source,
    answer,
    body_of,
    flag_of,
    model_id_of,
    rows_of,
    run_id_of,
    text_of,
    whole_of,
    word_of,
)
from apps.mlflow_api.shapes import logged_model_shape, without_empty

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


PAGE = 100
SEARCH_LIMIT = 1_000
_STATUS_NUMBERS = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}


def _data(row: Source) -> MeasuredOn | None:
    name, digest = text_of(row, "dataset_name", required=False), text_of(row, "dataset_digest", required=False)
    if digest and not name:
        raise Invalid("`dataset_digest` can only be specified if `dataset_name` is also specified.")
    return MeasuredOn(name, digest) if name else None


def _order(row: Source) -> ModelOrder:
    name = text_of(row, "field_name")
    kind, _, key = name.partition(".")
    try:
        # A metric's name comes whole and without quotes.
        field = LOGGED_MODELS.field((kind, key) if key else (kind,))
    except KeyError as error:
        raise Invalid.field("order_by", f"Invalid order by field name: {name[:60]}; {error.args[0]}.") from None
    if field.kind not in LOGGED_MODELS.ordered:
        raise Invalid.field("order_by", f"Invalid order by field name: {name[:60]}. Only metrics are supported.")
    return ModelOrder(
        field, descending=row.get("ascending") is not None and not flag_of(row, "ascending"), data=_data(row)
    )


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """A page of the logged models of experiments."""
    body = body_of(request)
    numbers = experiment_numbers_of(actor, request, body)
    if not body.get("experiment_ids"):
        raise Invalid.field("experiment_ids", "Missing value for required parameter 'experiment_ids'.")
    data = [_data(row) for row in rows_of(body, "datasets", 100)]
    if None in data:
        raise Invalid("`dataset_name` in the `datasets` clause must be specified.")
    found, token = selectors.logged_model_search_page(
        actor,
        experiment_numbers=numbers,
        filter_text=text_of(body, "filter", required=False),
        orders=[_order(row) for row in rows_of(body, "order_by")],
        data=[part for part in data if part],
        token=token_of(body),
        limit=limit_of(body, PAGE, SEARCH_LIMIT),
    )
    measured = selectors.logged_model_metrics(found)
    shape = without_empty({"models": [logged_model_shape(m, metrics=measured.get(m.pk, ())) for m in found]})
    return answer({**shape, "next_page_token": token} if token else shape)


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
