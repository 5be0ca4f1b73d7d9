"""Searching experiments and logged models: what is found and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.experiments import services
from apps.experiments.models import Experiment, Run
from apps.experiments.services import MetricPoint
from apps.experiments.tests.factories import experiment_make
from apps.mlflow_api.tests.conftest import ROOT, Caller, Person
from apps.mlflow_api.tests.searching import Searcher, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def search(person: Person) -> Searcher:
    Run.objects.all().delete()
    return Searcher(person)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, "bca"),
        ({"order_by": ["name"]}, "abc"),
        ({"order_by": ["name DESC"]}, "cba"),
        ({"order_by": ["last_update_time DESC"]}, "abc"),
        ({"filter": "name LIKE 'rates %'"}, "bca"),
        ({"filter": "name ILIKE 'RATES A'"}, "a"),
        ({"filter": "tags.`kind of` = 'x'"}, "b"),
        ({"filter": "tags.`kind of` IS NULL"}, "ca"),
        ({"filter": "creation_time < 2500 OR tags.`kind of` = 'x'"}, "ba"),
        ({"filter": "creation_time > 3500"}, "b"),
        ({"filter": "attribute.name = 'rates a' AND last_update_time > 2500"}, "a"),
    ],
)
def test_experiments_are_found_and_sorted(person: Person, query: dict[str, Any], names: str):
    Run.objects.all().delete()
    Experiment.objects.all().delete()
    for name, created, updated, tags in (("a", 1, 9, {}), ("b", 4, None, {"kind of": "x"}), ("c", 3, None, {})):
        experiment = experiment_make(person.actor, person.team, name=f"rates {name}", tags=tags)
        Experiment.objects.filter(pk=experiment.pk).update(
            created_at=moment(created * 1000), updated_at=moment(updated * 1000) if updated else None
        )
    caller = Caller(person)

    posted: list[str] = []
    token = ""
    while True:
        status, page = caller.post("experiments/search", max_results=2, page_token=token, **query)
        assert status == 200, page
        posted += [experiment["name"][-1] for experiment in page.get("experiments", [])]
        token = page.get("next_page_token", "")
        if not token:
            break
    _, got = caller.get("experiments/search", max_results=10, **query)

    assert "".join(posted) == names
    assert "".join(e["name"][-1] for e in got["experiments"]) == names


@pytest.mark.parametrize(
    "query",
    [
        {"max_results": 0},
        {},
        {"max_results": 50_001},
        {"filter": "metrics.m > 1"},
        {"filter": "hypothesis = 'x'"},
        {"order_by": ["tags.a"]},
        {"page_token": "x"},
        {"view_type": "x"},
    ],
)
def test_experiments_cannot_be_searched_by_what_they_do_not_have(person: Person, query: dict[str, Any]):
    body = query if query == {} else {"max_results": 10, **query}

    status, answer = Caller(person).post("experiments/search", **body)

    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_named_workspace_limits_experiments_to_its_team(person: Person):
    headers = {**person.headers, "X-MLFLOW-WORKSPACE": person.team.slug}
    own = Client(headers=headers).get(f"{ROOT}experiments/search?max_results=9").json()
    foreign = Client(headers={**headers, "X-MLFLOW-WORKSPACE": "elsewhere"}).get(f"{ROOT}experiments/search")

    assert [e["name"] for e in own["experiments"]] == [person.experiment.name]
    assert foreign.status_code == 404


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "cba"),
        ({"filter": "name = 'a'"}, "a"),
        ({"filter": "source_run_id = 'RUN'"}, "cba"),
        ({"filter": "params.depth = '4' AND tags.t IS NULL"}, "b"),
        ({"filter": "metrics.acc >= 0.5"}, "cb"),
        ({"filter": "metrics.acc > 0.5", "datasets": [{"dataset_name": "test"}]}, "b"),
        ({"datasets": [{"dataset_name": "test", "dataset_digest": "d2"}]}, "c"),
        ({"filter": "status = 'READY'"}, "a"),
        ({"filter": "creation_timestamp > 0 AND model_type = 'tree'"}, "c"),
        ({"order_by": [{"field_name": "name"}]}, "abc"),
        ({"order_by": [{"field_name": "creation_timestamp", "ascending": True}]}, "abc"),
        ({"order_by": [{"field_name": "metrics.acc", "ascending": False}]}, "bca"),
        ({"order_by": [{"field_name": "metrics.acc", "dataset_name": "train"}]}, "cba"),
    ],
)
def test_logged_models_are_found_by_fields_and_by_what_was_measured(search: Searcher, body: dict[str, Any], names: str):
    actor, run = search.person.actor, search.make("run")
    models = {}
    for name, model_type, tags in (("a", "", {}), ("b", "", {}), ("c", "tree", {"t": "x"})):
        models[name] = services.logged_model_create(
            actor=actor,
            experiment_number=search.person.experiment.number,
            name=name,
            source_run_id=run.pk,
            model_type=model_type,
            params={"depth": "4"} if name != "a" else {},
            tags=tags,
        )
    services.logged_model_finalize(actor=actor, logged_model_id=models["a"].pk, status="LOGGED_MODEL_READY")
    measured = [
        ("b", 0.9, "test", "d1"),
        ("b", 0.2, "train", "d0"),
        ("c", 0.5, "test", "d2"),
        ("c", 0.1, "train", "d0"),
    ]
    services.metrics_log(
        actor=actor,
        run_id=run.pk,
        points=[MetricPoint("acc", v, 9 if d == "test" else 1, 0, models[n].pk, d, g) for n, v, d, g in measured],
    )
    body = {key: value.replace("RUN", run.pk.hex) if key == "filter" else value for key, value in body.items()}

    found: list[str] = []
    token = ""
    while True:
        status, page = search.post(
            "logged-models/search", experiment_ids=[search.number], max_results=2, page_token=token, **body
        )
        assert status == 200, page
        found += [model["info"]["name"] for model in page.get("models", [])]
        token = page.get("next_page_token", "")
        if not token:
            break

    assert "".join(found) == names


@pytest.mark.parametrize(
    "body",
    [
        {"experiment_ids": []},
        {"filter": "metrics.acc LIKE 'x'"},
        {"order_by": [{"field_name": "params.p"}]},
        {"order_by": [{"field_name": "metrics.a", "dataset_digest": "x"}]},
        {"order_by": ["name"]},
        {"datasets": [{"dataset_digest": "x"}]},
        {"max_results": 1001},
        {"page_token": "x"},
    ],
)
def test_logged_models_cannot_be_searched_by_nonsense(search: Searcher, body: dict[str, Any]):
    status, answer = search.post("logged-models/search", **{"experiment_ids": [search.number], **body})

    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
