"""Searching registered models and versions, as MLflow 3.17 answers and as its client asks."""

from __future__ import annotations

from typing import Any

import pytest

from apps.mlflow_api.tests.conftest import Caller, Person, person_make
from apps.mlflow_api.tests.registry_calls import model_make, version_make
from apps.registry import contracts
from apps.registry.models import ModelVersion

pytestmark = pytest.mark.django_db
PROMPTS_OUT = "tag.`mlflow.prompt.is_prompt` != 'true'"


@pytest.fixture
def caller(person: Person) -> Caller:
    """Three models: fees with two versions, rates with one, empty without any."""
    caller = Caller(person)
    for name in ("fees", "rates", "empty"):
        model_make(caller, name)
    caller.post("registered-models/set-tag", name="rates", key="area", value="South West")
    version_make(caller, person, "fees", "a/model", tags=[{"key": "area", "value": "north"}])
    version_make(caller, person, "fees", "b/model")
    version_make(caller, person, "rates", "c/model")
    caller.post("registered-models/alias", name="fees", alias="champion", version="1")
    return caller


def models_found(caller: Caller, **query: Any) -> list[str]:
    status, body = caller.get("registered-models/search", **query)
    assert status == 200, body
    return [shape["name"] for shape in body.get("registered_models", [])]


def versions_found(caller: Caller, **query: Any) -> list[str]:
    status, body = caller.get("model-versions/search", **query)
    assert status == 200, body
    return [f"{shape['name']} {shape['version']}" for shape in body.get("model_versions", [])]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["empty", "fees", "rates"]),
        (PROMPTS_OUT, ["empty", "fees", "rates"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", []),
        (f"name = 'fees' AND {PROMPTS_OUT}", ["fees"]),
        ("name != 'fees'", ["empty", "rates"]),
        ("name LIKE '%e%s'", ["fees", "rates"]),
        ("name ILIKE 'FE%'", ["fees"]),
        ("name IN ('fees', 'rates')", ["fees", "rates"]),
        ("tags.area LIKE 'South%'", ["rates"]),
        ("tags.area IS NULL", ["empty", "fees"]),
        ("creation_timestamp > 0 AND name = 'none'", []),
    ],
)
def test_models_are_found_by_name_and_tags(caller: Caller, text: str, names: list[str]):
    assert models_found(caller, filter=text) == names


def test_models_are_sorted_paged_and_shown_whole(caller: Caller, monkeypatch):
    first = ModelVersion.objects.get(model__name="fees", number=1)
    monkeypatch.setattr(contracts, "_live_lookup", [lambda pks: {first.model_id: first.pk}])

    _, page = caller.get("registered-models/search", max_results=2, order_by="name DESC")
    _, rest = caller.get(
        "registered-models/search", max_results=2, order_by="name DESC", page_token=page["next_page_token"]
    )
    other = caller.get("registered-models/search", max_results=2, page_token=page["next_page_token"])
    _, held = caller.get("registered-models/get", name="fees")
    newest = models_found(caller, order_by="last_updated_timestamp DESC")

    assert [shape["name"] for shape in page["registered_models"]] == ["rates", "fees"]
    assert [shape["name"] for shape in rest["registered_models"]] == ["empty"]
    assert "next_page_token" not in rest
    assert (other[0], other[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    shape = page["registered_models"][1]
    assert shape == held["registered_model"]
    assert {row["current_stage"]: row["version"] for row in shape["latest_versions"]} == {
        "None": "2",
        "Production": "1",
    }
    assert shape["aliases"] == [{"alias": "champion", "version": "1"}]
    assert newest == ["rates", "fees", "empty"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["rates 1", "fees 2", "fees 1"]),
        (PROMPTS_OUT, ["rates 1", "fees 2", "fees 1"]),
        ("name = 'fees'", ["fees 2", "fees 1"]),
        ("name='fees' and version_number = 1", ["fees 1"]),
        ("version_number > 1", ["fees 2"]),
        ("version_number < 1.5 AND name = 'fees'", ["fees 1"]),
        ("version_number = 99999999999999", []),
        ("run_id = 'RUN'", ["rates 1", "fees 2", "fees 1"]),
        ("run_id IN ('RUN', 'x')", ["rates 1", "fees 2", "fees 1"]),
        ("run_id = 'none'", []),
        ("source_path LIKE '%/b/model'", ["fees 2"]),
        ("tag.area = 'north'", ["fees 1"]),
    ],
)
def test_versions_are_found(caller: Caller, person: Person, text: str, found: list[str]):
    # The one that changed last comes first: a tag or a description would move it.
    assert versions_found(caller, filter=text.replace("RUN", person.run.pk.hex)) == found


def test_versions_are_sorted_and_paged_and_those_out_of_use_are_left_out(caller: Caller):
    by_number = versions_found(caller, order_by=["version_number", "name DESC"])
    pages = []
    token = ""
    for _ in range(3):
        _, body = caller.get("model-versions/search", max_results=1, page_token=token)
        pages += [f"{shape['name']} {shape['version']}" for shape in body["model_versions"]]
        token = body.get("next_page_token", "")
    caller.delete("model-versions/delete", name="fees", version="2")
    caller.delete("registered-models/delete", name="rates")
    left = versions_found(caller)

    assert by_number == ["rates 1", "fees 1", "fees 2"]
    assert (pages, token) == (["rates 1", "fees 2", "fees 1"], "")
    assert left == ["fees 1"]


@pytest.mark.parametrize("path", ["registered-models/search", "model-versions/search"])
@pytest.mark.parametrize(
    "query",
    [
        {"filter": "name = fees"},
        {"filter": "name > 'a'"},
        {"filter": "metrics.loss < 1"},
        {"filter": "nothing = 'x'"},
        {"order_by": "tags.area"},
        {"order_by": ["name", "name DESC"]},
        {"max_results": 0},
        {"max_results": 200_001},
        {"page_token": "x"},
    ],
)
def test_what_cannot_be_searched_is_said(caller: Caller, path: str, query: dict[str, Any]):
    answer = caller.get(path, **query)

    assert (answer[0], answer[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_another_teams_models_are_in_no_search(caller: Caller, person: Person):
    stranger = Caller(person_make())
    model_make(stranger, "theirs")

    assert models_found(stranger) == ["theirs"]
    assert versions_found(stranger) == []
    assert models_found(caller, filter="name LIKE 'theirs%' OR name = 'fees'") == ["fees"]


@pytest.mark.django_db(transaction=True)
def test_the_client_searches(mlflow_client):
    person = person_make()
    caller = Caller(person)
    for name in ("fees", "rates"):
        model_make(caller, name)
    version_make(caller, person, "fees")
    client = mlflow_client(person.token)

    models = client.search_registered_models("name LIKE 'f%'")
    versions = client.search_model_versions("name='fees'", order_by=["version_number ASC"])

    assert [(model.name, [row.version for row in model.latest_versions]) for model in models] == [("fees", ["1"])]
    assert [(version.name, version.version, version.status) for version in versions] == [("fees", "1", "READY")]
