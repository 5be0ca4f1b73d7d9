"""Registered models as MLflow 3.17 answers them: statuses, codes and JSON shapes."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Grant
from apps.accounts.tests.factories import team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import Caller, Person, attempt_token, person_make
from apps.registry.models import Model

pytestmark = pytest.mark.django_db


def test_a_model_is_registered_once_whatever_the_capitals(caller: Caller, person: Person):
    tags = [{"key": "domain", "value": "fees"}, {"key": "longer", "value": "x" * 9000}]

    made = caller.post("registered-models/create", name="Fee Model", description="What it costs", tags=tags)
    again = caller.post("registered-models/create", name="fee model")
    held = caller.get("registered-models/get", name="FEE model")

    shape = made[1]["registered_model"]
    assert made[0] == 200
    assert set(shape) == {"name", "creation_timestamp", "last_updated_timestamp", "description", "tags"}
    assert shape["tags"] == tags
    assert shape["description"] == "What it costs"
    assert again == (
        400,
        {
            "error_code": "RESOURCE_ALREADY_EXISTS",
            "message": "Registered Model (name=fee model) already exists.",
        },
    )
    assert held[1]["registered_model"] == shape
    model = Model.objects.get()
    assert (model.team_id, model.problem_id, model.created_by_id) == (person.team.pk, None, person.user.pk)
    assert AuditEvent.objects.filter(action="model.create", object_id=str(model.pk)).count() == 1


def test_a_model_is_renamed_described_tagged_and_deleted(caller: Caller):
    caller.post("registered-models/create", name="one")
    caller.post("registered-models/create", name="other")
    model = Model.objects.get(name="one")

    renamed = caller.post("registered-models/rename", name="one", new_name="uno")
    taken = caller.post("registered-models/rename", name="uno", new_name="other")
    described = caller.patch("registered-models/update", name="uno", description="the first")
    caller.post("registered-models/set-tag", name="uno", key="a", value="1")
    caller.post("registered-models/set-tag", name="uno", key="a", value="2")
    tagged = caller.get("registered-models/get", name="uno")
    removed = caller.delete("registered-models/delete-tag", name="uno", key="a")
    removed_again = caller.delete("registered-models/delete-tag", name="uno", key="a")
    deleted = caller.delete("registered-models/delete", name="uno")
    gone = caller.get("registered-models/get", name="uno")
    free = caller.post("registered-models/create", name="uno")

    assert renamed[1]["registered_model"]["name"] == "uno"
    assert (taken[0], taken[1]["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert described[1]["registered_model"]["description"] == "the first"
    assert tagged[1]["registered_model"]["tags"] == [{"key": "a", "value": "2"}]
    assert removed == removed_again == deleted == (200, {})
    assert (gone[0], gone[1]["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert gone[1]["message"] == "Registered Model with name=uno not found"
    assert free[0] == 200
    model.refresh_from_db()
    assert model.archived_at is not None
    actions = AuditEvent.objects.filter(object_id=str(model.pk)).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["model.create", *["model.update"] * 5, "model.archive"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("create", {}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": " "}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": 7}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "a/b"}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "a:b"}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": ".."}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "x" * 257}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "n", "description": "x" * 20_001}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "n", "tags": [{"key": "k", "value": "x" * 100_001}]}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "n", "tags": [{"key": f"k{n}"} for n in range(1001)]}, 400, "INVALID_PARAMETER_VALUE"),
        ("create", {"name": "n", "tags": "k"}, 400, "INVALID_PARAMETER_VALUE"),
        (
            "create",
            {"name": "p", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "True"}]},
            501,
            "NOT_IMPLEMENTED",
        ),
        ("rename", {"name": "held"}, 400, "INVALID_PARAMETER_VALUE"),
        ("rename", {"name": "held", "new_name": "a/b"}, 400, "INVALID_PARAMETER_VALUE"),
        ("rename", {"name": "none", "new_name": "b"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("set-tag", {"name": "held", "key": "../k"}, 400, "INVALID_PARAMETER_VALUE"),
        ("set-tag", {"name": "none", "key": "k"}, 404, "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_what_is_refused(caller: Caller, path: str, body: Any, status: int, code: str):
    caller.post("registered-models/create", name="held")

    answer = caller.post(f"registered-models/{path}", **body)

    assert (answer[0], answer[1]["error_code"]) == (status, code)
    assert Model.objects.count() == 1
    assert not Model.objects.exclude(name="held", tags={}).exists()


def test_another_teams_model_is_not_found_and_a_viewer_changes_nothing(caller: Caller, person: Person):
    caller.post("registered-models/create", name="secret")
    stranger, viewer = Caller(person_make()), Caller(person_make(Role.VIEWER, person.team))
    reader = Caller(person_make(team=person.team, scopes=("read",)))
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("post", "rename", {"new_name": "mine"}),
        ("patch", "update", {"description": "mine"}),
        ("post", "set-tag", {"key": "k", "value": "v"}),
        ("delete", "delete-tag", {"key": "k"}),
        ("delete", "delete", {}),
    ]

    foreign = [getattr(stranger, way)(f"registered-models/{path}", name="secret", **rest) for way, path, rest in calls]
    refused = [
        getattr(who, way)(f"registered-models/{path}", name="secret", **rest)
        for who in (viewer, reader)
        for way, path, rest in calls
    ]

    assert {(status, body["error_code"]) for status, body in foreign} == {(404, "RESOURCE_DOES_NOT_EXIST")}
    assert {(status, body["error_code"]) for status, body in refused} == {(403, "PERMISSION_DENIED")}
    assert viewer.post("registered-models/create", name="other")[0] == 403
    assert viewer.get("registered-models/get", name="secret")[0] == 200
    assert stranger.get("registered-models/get", name="secret")[0] == 404
    assert stranger.post("registered-models/create", name="secret")[0] == 200
    model = Model.objects.get(team=person.team)
    assert (model.name, model.description, model.tags, model.archived_at) == ("secret", "", {}, None)


def test_the_token_of_a_job_registers_nothing(caller: Caller, person: Person):
    caller.post("registered-models/create", name="held")
    job = Caller(person)
    job.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {attempt_token(person)}"

    assert job.post("registered-models/create", name="mine")[0] == 403
    assert job.delete("registered-models/delete", name="held")[0] == 404


def test_a_name_in_two_of_ones_teams_is_told_apart_by_the_workspace(person: Person):
    # One's own team is the one meant, being first by name.
    second, third = person_make(team=team_make("Zebra 2")), person_make(team=team_make("Zebra 3"))
    for other in (second, third):
        Caller(other).post("registered-models/create", name="shared", description=other.team.slug)
        Grant.objects.create(user=person.user, team=other.team, role=Role.DATA_SCIENTIST.value)
    caller = Caller(person)

    unclear = caller.get("registered-models/get", name="shared")
    caller.client.defaults["HTTP_X_MLFLOW_WORKSPACE"] = third.team.slug
    clear = caller.get("registered-models/get", name="shared")
    caller.client.defaults["HTTP_X_MLFLOW_WORKSPACE"] = person.team.slug
    none = caller.get("registered-models/get", name="shared")

    assert (unclear[0], unclear[1]["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert clear[1]["registered_model"]["description"] == third.team.slug
    assert none[0] == 404


def test_the_pages_of_mlflow_ask_the_same_at_ajax_api(caller: Caller):
    caller.post("registered-models/create", name="held")

    answer = caller.client.get("/ajax-api/2.0/mlflow/registered-models/get", {"name": "held"})

    assert answer.json()["registered_model"]["name"] == "held"
