"""experiments/*."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor, ActorKind
from apps.core.errors import Invalid, NotFound
from apps.experiments import selectors, services
from apps.mlflow_api.api.limits import EXPERIMENT_NAME, EXPERIMENT_TAG, key_of, length_check, tags_of
from apps.mlflow_api.api.paging import limit_of, texts_of, token_of, view_of
from apps.mlflow_api.api.sources import artifact_location_check
from apps.mlflow_api.api.teams import team_named, team_of
from apps.mlflow_api.door import Source, answer, args_of, body_of, text_of
from apps.mlflow_api.shapes import experiment_shape, without_empty

if TYPE_CHECKING:
    from apps.experiments.models import Experiment

_NUMBER = re.compile(r"^-?\d{1,30}$")
# What a client that never chose an experiment logs to.
DEFAULT = 0
SEARCH_LIMIT = 50_000


def number_of(source: Source, *, required: bool = True) -> int:
    """The number of the experiment that a call names, any whole number. Raises Invalid."""
    value = source.get("experiment_id")
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else None
    text = text if text is not None else text_of(source, "experiment_id", required=required, default="0")
    if not _NUMBER.match(text):
        raise Invalid(f"Invalid experiment ID '{text[:70]}'. Experiment ID must be a valid integer.")
    return int(text)


def number_possible(number: int) -> bool:
    """Can an experiment have it?"""
    return 0 < number < 2**63


def experiment_of(actor: Actor, request: HttpRequest, source: Source, *, required: bool = True) -> Experiment:
    """The experiment that a call names; 0 is the default one of the actor's team. Raises Invalid, NotFound."""
    number = number_of(source, required=required)
    if number == DEFAULT and actor.kind is not ActorKind.RUN:
        return services.experiment_default(actor=actor, team_id=team_of(actor, request))
    if not number_possible(number):
        raise NotFound(f"No Experiment with id={number} exists")
    return selectors.experiment_by_number(actor, number)


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    name = length_check("name", text_of(body, "name"), EXPERIMENT_NAME)
    artifact_location_check(text_of(body, "artifact_location", required=False))
    tags = tags_of(body, limit=EXPERIMENT_TAG)
    experiment = services.experiment_create(actor=actor, team_id=team_of(actor, request), name=name, tags=tags)
    return answer({"experiment_id": str(experiment.number)})


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    return answer({"experiment": experiment_shape(experiment_of(actor, request, args_of(request)))})


def get_by_name(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """In the team that the call means first, else in any that the actor sees."""
    name = text_of(args_of(request), "experiment_name")
    try:
        found = selectors.experiment_by_name(actor, name, team_id=team_of(actor, request))
    except NotFound:
        found = selectors.experiment_by_name(actor, name)
    return answer({"experiment": experiment_shape(found)})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Experiments of the named workspace, else of all teams of the actor."""
    source = args_of(request)
    found, token = selectors.experiment_search_page(
        actor,
        team_id=team_named(request),
        filter_text=text_of(source, "filter", required=False),
        order_texts=texts_of(source, "order_by"),
        view=view_of(source, "view_type"),
        token=token_of(source),
        limit=limit_of(source, 0, SEARCH_LIMIT),
    )
    shape = without_empty({"experiments": [experiment_shape(experiment) for experiment in found]})
    return answer({**shape, "next_page_token": token} if token else shape)


def update(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Rename."""
    body = body_of(request)
    name = length_check("new_name", text_of(body, "new_name"), EXPERIMENT_NAME)
    experiment = experiment_of(actor, request, body)
    if experiment.archived_at is not None:
        raise Invalid("Cannot rename a non-active experiment.")
    services.experiment_update(actor=actor, experiment_id=experiment.pk, name=name)
    return answer({})


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Out of the lists, with its runs; nothing is lost."""
    experiment = experiment_of(actor, request, body_of(request))
    if experiment.archived_at is not None:
        raise NotFound(f"No Experiment with id={experiment.number} exists")
    services.experiment_archive(actor=actor, experiment_id=experiment.pk)
    return answer({})


def restore(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    experiment = experiment_of(actor, request, body_of(request))
    if experiment.archived_at is None:
        raise NotFound(f"No Experiment with id={experiment.number} exists")
    services.experiment_archive(actor=actor, experiment_id=experiment.pk, archived=False)
    return answer({})


def tag_set(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    tags = {key_of(body): length_check("value", text_of(body, "value", required=False), EXPERIMENT_TAG)}
    experiment = experiment_of(actor, request, body)
    services.experiment_update(actor=actor, experiment_id=experiment.pk, tags=tags)
    return answer({})


def tag_delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    key = key_of(body)
    experiment = experiment_of(actor, request, body)
    if not services.experiment_tag_delete(actor=actor, experiment_id=experiment.pk, key=key):
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment.number}")
    return answer({})
