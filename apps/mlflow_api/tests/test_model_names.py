"""Names of registered models: what MLflow refuses is refused in its words, every other name works everywhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.mlflow_api.tests.conftest import Caller, Person
from apps.mlflow_api.tests.registry_calls import model_make, version_make
from apps.registry.models import Model, ModelVersion

pytestmark = pytest.mark.django_db

ODD = [
    "two words",
    'say "hi"',
    "it's",
    "100% wool",
    "%2e%2e",
    "a%2Fb",
    "naïve ✓ 模型",
    "a\\b",
    "x;y#1?z=2&v",
    "a@b",
    ".h",
]
VERSION = {"version": "1"}
NAMED: list[tuple[str, str, dict[str, Any]]] = [
    ("post", "registered-models/create", {}),
    ("get", "registered-models/get", {}),
    ("patch", "registered-models/update", {"description": "d"}),
    ("post", "registered-models/set-tag", {"key": "k", "value": "v"}),
    ("delete", "registered-models/delete-tag", {"key": "k"}),
    ("post", "registered-models/rename", {"new_name": "free"}),
    ("delete", "registered-models/delete", {}),
    ("post", "registered-models/get-latest-versions", {}),
    ("post", "registered-models/alias", {"alias": "c", **VERSION}),
    ("get", "registered-models/alias", {"alias": "c"}),
    ("delete", "registered-models/alias", {"alias": "c"}),
    ("post", "model-versions/create", {"source": "models:/fees/1"}),
    ("get", "model-versions/get", VERSION),
    ("get", "model-versions/get-download-uri", VERSION),
    ("patch", "model-versions/update", {**VERSION, "description": "d"}),
    ("post", "model-versions/set-tag", {**VERSION, "key": "k", "value": "v"}),
    ("delete", "model-versions/delete-tag", {**VERSION, "key": "k"}),
    ("post", "model-versions/transition-stage", {**VERSION, "stage": "Staging"}),
    ("delete", "model-versions/delete", VERSION),
]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        ("a:b", "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
        (" ", "Missing value for required parameter 'name'."),
        (
            "..x",
            "Invalid value \"..x\" for parameter 'name' supplied: Names may be treated as files in certain cases, and "
            "must not resolve to other names when treated as such. This name would resolve to '..x'",
        ),
    ],
)
def test_every_call_refuses_a_name_that_mlflow_refuses_in_its_words(
    caller: Caller, person: Person, name: str, message: str
):
    model_make(caller)
    version_make(caller, person)

    answers = [getattr(caller, way)(path, name=name, **rest) for way, path, rest in NAMED]

    expected = (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message})
    assert [answer for answer in answers if answer != expected] == []
    assert Model.objects.get().name == "fees"


def test_a_new_name_is_judged_before_the_model_is_looked_for(caller: Caller):
    slash = caller.post("registered-models/rename", name="none", new_name="a/b")
    empty = caller.post("registered-models/rename", name="none", new_name=" ")

    assert slash[1]["message"] == "Invalid model name 'a/b'. Names cannot contain '/' or ':'."
    assert empty[1]["message"] == "Missing value for required parameter 'new_name'."


@pytest.mark.parametrize("name", ODD)
def test_every_call_and_page_takes_any_other_name(caller: Caller, person: Person, name: str):
    model_make(caller, "copies")
    model_make(caller, "old")
    renamed = caller.post("registered-models/rename", name="old", new_name=name)
    made = version_make(caller, person, name=name)

    answers = [
        getattr(caller, way)(path, name=name, **rest)
        for way, path, rest in NAMED
        if not path.endswith(("/create", "/rename", "s/delete", "delete-tag"))
    ]
    by_number = caller.post("model-versions/create", name="copies", source=f"models:/{name}/1")
    aliased = caller.post("registered-models/alias", name=name, alias="c", version="1")
    by_alias = caller.post("model-versions/create", name="copies", source=f"models:/{name}@c")
    file = caller.client.get("/model-versions/get-artifact", {"name": name, "version": "1", "path": "MLmodel"})

    assert renamed[1]["registered_model"]["name"] == made["name"] == name
    assert [status for status, _ in answers] == [200] * len(answers)
    assert (by_number[0], aliased[0], by_alias[0], file.status_code) == (200, 200, 200, 200)
    assert by_number[1]["model_version"]["source"] == f"models:/{name}/1"
    browser = Client()
    browser.force_login(person.user)
    model, version = Model.objects.get(name=name), ModelVersion.objects.get(model__name=name)
    for page in (
        reverse("model-list"),
        reverse("model-detail", args=[model.pk]),
        reverse("version-detail", args=[version.pk]),
        reverse("version-lineage", args=[version.pk]),
        reverse("model-edit", args=[model.pk]),
    ):
        assert browser.get(page).status_code == 200, page


@pytest.mark.parametrize("name", [name for name in ODD if '"' not in name])
def test_a_search_finds_a_model_by_such_a_name(caller: Caller, name: str):
    model_make(caller, name)
    model_make(caller, "fees")

    found = caller.get("registered-models/search", filter=f'name = "{name}"')

    assert [model["name"] for model in found[1]["registered_models"]] == [name]
