"""experiments/*."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments import selectors
from apps.mlflow_api.door import answer, text_of, whole_of
from apps.mlflow_api.shapes import experiment_shape


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    experiment = selectors.experiment_by_number(actor, whole_of(request.GET, "experiment_id"))
    return answer({"experiment": experiment_shape(experiment)})


def get_by_name(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    name = text_of(request.GET, "experiment_name")
    found = selectors.experiment_list(actor).filter(name=name).order_by("id").first()
    if found is None:
        raise NotFound(f"Could not find experiment with name '{name}'.")
    return answer({"experiment": experiment_shape(found)})
