"""runs/*: begin, end, delete, inputs and outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.quick_json import json_bytes
from apps.experiments import selectors, services
from apps.experiments.contracts import NAME_TAG, NOTES_TAG
from apps.mlflow_api.api.experiments import experiment_of, number_of, number_possible
from apps.mlflow_api.api.inputs import versions_meant
from apps.mlflow_api.api.limits import dataset_of, tags_of
from apps.mlflow_api.api.names import name_new
from apps.mlflow_api.api.paging import experiment_numbers_of, limit_of, texts_of, token_of, view_of
from apps.mlflow_api.door import (
    Source,
    answer,
    args_of,
    body_of,
    model_id_of,
    rows_of,
    run_id_in,
    text_of,
    whole_of,
    word_of,
)
from apps.mlflow_api.shapes import run_info_shape, run_shape

if TYPE_CHECKING:
    from apps.experiments.models import Run

# Proto JSON: clients send the name of an enum's value or its number.
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
DATASETS_PER_CALL = 1000
SEARCH_LIMIT = 50_000
# So many runs are held as objects at a time.
_BATCH = 2_000
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def full_shapes(runs: Sequence[Run | selectors.RunRow]) -> list[dict[str, Any]]:
    """Runs with their inputs and outputs."""
    inputs = selectors.run_inputs_of([run.pk for run in runs if getattr(run, "has_inputs", True)])
    models = selectors.run_models_of([run.pk for run in runs if getattr(run, "has_models", True)])
    return [run_shape(run, inputs=inputs.get(run.pk, ()), models=models.get(run.pk, ())) for run in runs]


def moment_of(source: Source, name: str) -> datetime | None:
    """A time in milliseconds since 1970; None when it is missing or 0."""
    value = whole_of(source, name, 0)
    try:
        return datetime.fromtimestamp(value / 1000, tz=UTC) if value else None
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid.field(name, f"Invalid value {value} for parameter '{name}': no calendar knows it.") from error


def code_of(tags: Mapping[str, str]) -> dict[str, str]:
    """The code of a run by the tags that the client sets when it begins one inside a git repository."""
    commit = tags.get("mlflow.source.git.commit", "")
    return {"commit": commit} if _COMMIT.fullmatch(commit) else {}


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    tags = tags_of(body, count=1000)
    given, tagged = text_of(body, "run_name", required=False), tags.pop(NAME_TAG, "")
    if given and tagged and given != tagged:
        raise Invalid(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{given}', mlflow.runName='{tagged}')."
        )
    about: dict[str, Any] = {
        "name": given or tagged or name_new(),
        "notes": tags.pop(NOTES_TAG, ""),
        "tags": tags,
        "code": code_of(tags),
        "user_name": text_of(body, "user_id", required=False),
        "started_at": moment_of(body, "start_time"),
    }
    number = number_of(body, required=False)
    run = services.run_begin(actor=actor, number=number, **about) if number_possible(number) else None
    if run is None:
        experiment = experiment_of(actor, request, body, required=False)
        run = services.run_create(actor=actor, experiment=experiment, **about)
    shape = run_shape(run)
    del shape["outputs"]
    return answer({"run": shape})


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    run = selectors.run_get(actor, run_id_in(args_of(request)))
    return answer({"run": full_shapes([run])[0]})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """A page of the runs of experiments."""
    body = body_of(request)
    numbers = experiment_numbers_of(actor, request, body)
    filter_text, orders = text_of(body, "filter", required=False), texts_of(body, "order_by")
    view, token = view_of(body, "run_view_type"), token_of(body)
    left = limit_of(body, 1000, SEARCH_LIMIT)
    shown: list[bytes] = []
    while left:
        runs, token = selectors.run_search_page(
            actor,
            experiment_numbers=numbers,
            filter_text=filter_text,
            order_texts=orders,
            view=view,
            token=token,
            limit=min(left, _BATCH),
        )
        if runs:
            shown.append(json_bytes(full_shapes(runs))[1:-1])
        left = left - len(runs) if token else 0
    parts = [b'"runs":[' + b",".join(shown) + b"]"] if shown else []
    if token:
        parts.append(b'"next_page_token":' + json_bytes(token))
    return HttpResponse(b"{" + b",".join(parts) + b"}", content_type="application/json")


def update(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    status = word_of(body, "status", _STATUSES)
    run = services.run_update(
        actor=actor,
        run_id=run_id_in(body),
        status=status or None,
        name=text_of(body, "run_name", required=False) or None,
        ended_at=moment_of(body, "end_time"),
    )
    return answer({"run_info": run_info_shape(run)})


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Out of the lists; nothing is lost."""
    services.run_archive(actor=actor, run_id=run_id_in(body_of(request)))
    return answer({})


def restore(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    services.run_archive(actor=actor, run_id=run_id_in(body_of(request)), archived=False)
    return answer({})


def log_inputs(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Data and models that the run read; data that is surely a version of the team's is its lineage."""
    body = body_of(request)
    external = [dataset_of(row, n) for n, row in enumerate(rows_of(body, "datasets", DATASETS_PER_CALL))]
    services.run_inputs_add(
        actor=actor,
        run_id=run_id_in(body),
        external=external,
        known=versions_meant(actor, external),
        read=[model_id_of(text_of(row, "model_id")) for row in rows_of(body, "models", DATASETS_PER_CALL)],
    )
    return answer({})


def log_outputs(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Models that the run made."""
    body = body_of(request)
    rows = rows_of(body, "models", DATASETS_PER_CALL)
    if not rows:
        raise Invalid.field("models", "Missing value for required parameter 'models'.")
    services.run_inputs_add(
        actor=actor,
        run_id=run_id_in(body),
        written=[(model_id_of(text_of(row, "model_id")), whole_of(row, "step", 0)) for row in rows],
    )
    return answer({})
