"""datasets/*: evaluation datasets."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.experiments import selectors, services
from apps.mlflow_api.api.experiments import experiment_of
from apps.mlflow_api.api.limits import length_check
from apps.mlflow_api.api.paging import experiment_numbers_of, limit_of, texts_of, token_of
from apps.mlflow_api.api.teams import team_named, team_of
from apps.mlflow_api.dataset_shapes import dataset_shape
from apps.mlflow_api.door import Source, answer, args_of, body_of, json_of, list_of, prefixed_id_of, text_of
from apps.mlflow_api.shapes import without_empty

if TYPE_CHECKING:
    from apps.experiments.models import EvaluationDataset, Experiment

PAGE = 1000
SEARCH_LIMIT = 1_000
EXPERIMENTS_PER_CALL = 100
TAG_KEY = 255
TAG = 5_000


def dataset_id_of(text: str) -> uuid.UUID:
    """`d-` and 32 hexadecimal digits. Raises NotFound."""
    return prefixed_id_of(text, "d-", f"Evaluation dataset with id '{text[:60]}' not found")


def _experiments(actor: Actor, request: HttpRequest, body: Source) -> list[Experiment]:
    """The experiments that a call names, each once. Raises Invalid, NotFound."""
    named = list_of(body, "experiment_ids", EXPERIMENTS_PER_CALL)
    found = [experiment_of(actor, request, {"experiment_id": value}) for value in named]
    return list({experiment.pk: experiment for experiment in found}.values())


def _tags(body: Source, *, required: bool) -> dict[str, str]:
    """Tags, written as the text of a JSON object; null means that a tag is not said. Raises Invalid."""
    tags = json_of(body, "tags") if required or body.get("tags") else {}
    if not isinstance(tags, dict):
        raise Invalid.field("tags", "Invalid value for parameter 'tags' supplied: a JSON object is expected.")
    return {
        length_check("key", key, TAG_KEY): length_check("value", value if isinstance(value, str) else str(value), TAG)
        for key, value in tags.items()
        if value is not None
    }


def _shape(dataset: EvaluationDataset, *, with_experiments: bool = False) -> dict[str, Any]:
    numbers = selectors.evaluation_dataset_numbers(dataset) if with_experiments else None
    count = selectors.evaluation_record_counts([dataset]).get(dataset.pk, 0)
    return dataset_shape(dataset, records=count, numbers=numbers)


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """In the team of the experiments it is for, else in the one that the call means."""
    body = body_of(request)
    name, tags = text_of(body, "name"), _tags(body, required=False)
    experiments = _experiments(actor, request, body)
    team_id = experiments[0].team_id if experiments else team_of(actor, request)
    dataset = services.evaluation_dataset_create(
        actor=actor, team_id=team_id, name=name, experiments=experiments, tags=tags
    )
    return answer({"dataset": _shape(dataset, with_experiments=True)})


def get(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    return answer({"dataset": _shape(selectors.evaluation_dataset_get(actor, dataset_id_of(dataset_id)))})


def delete(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    """Out of the lists; nothing is lost."""
    services.evaluation_dataset_archive(actor=actor, dataset_id=dataset_id_of(dataset_id))
    return answer({})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Datasets of the named workspace, else of all teams of the actor; of some experiments where they are named."""
    source = args_of(request)
    found, token = selectors.evaluation_dataset_search_page(
        actor,
        team_id=team_named(request),
        experiment_numbers=experiment_numbers_of(actor, request, source) if source.get("experiment_ids") else None,
        filter_text=text_of(source, "filter_string", required=False),
        order_texts=texts_of(source, "order_by"),
        token=token_of(source),
        limit=limit_of(source, PAGE, SEARCH_LIMIT),
    )
    counts = selectors.evaluation_record_counts(found)
    shape = without_empty({"datasets": [dataset_shape(row, records=counts.get(row.pk, 0)) for row in found]})
    return answer({**shape, "next_page_token": token} if token else shape)


def tags_set(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    tags = _tags(body_of(request), required=True)
    services.evaluation_dataset_tags_set(actor=actor, dataset_id=dataset_id_of(dataset_id), tags=tags)
    return answer({})


def tag_delete(actor: Actor, request: HttpRequest, dataset_id: str, key: str) -> HttpResponseBase:
    services.evaluation_dataset_tag_delete(actor=actor, dataset_id=dataset_id_of(dataset_id), key=key)
    return answer({})


def experiment_ids(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    dataset = selectors.evaluation_dataset_get(actor, dataset_id_of(dataset_id))
    numbers = [str(number) for number in selectors.evaluation_dataset_numbers(dataset)]
    return answer(without_empty({"experiment_ids": numbers}))


def experiments_add(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    dataset = services.evaluation_dataset_experiments_change(
        actor=actor, dataset_id=dataset_id_of(dataset_id), add=_experiments(actor, request, body_of(request))
    )
    return answer({"dataset": _shape(dataset, with_experiments=True)})


def experiments_remove(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    dataset = services.evaluation_dataset_experiments_change(
        actor=actor, dataset_id=dataset_id_of(dataset_id), remove=_experiments(actor, request, body_of(request))
    )
    return answer({"dataset": _shape(dataset, with_experiments=True)})
