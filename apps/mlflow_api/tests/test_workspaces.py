"""Workspaces are teams: seen by who belongs to them, made and put away by administrators of the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import Team
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import ROOT_3, Caller, Person, administrator_headers, attempt_token, person_make

MakeClient = Callable[[str], Any]


@pytest.mark.feature("workspaces", "create, list, rename, use and delete a workspace (a team)")
@pytest.mark.django_db(transaction=True)
def test_the_client_makes_names_uses_and_deletes_a_workspace(mlflow_client: MakeClient, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    mlflow_client(administrator_headers(Role.DATA_SCIENTIST)["Authorization"].removeprefix("Bearer "))
    monkeypatch.delenv("MLFLOW_WORKSPACE", raising=False)

    made = mlflow.create_workspace("credit-risk", description="Credit risk")
    with pytest.raises(mlflow.MlflowException) as again:
        mlflow.create_workspace("credit-risk")
    renamed = mlflow.update_workspace("credit-risk", description="Credit and fraud")
    try:
        mlflow.set_workspace("credit-risk")
        here = mlflow.get_experiment(mlflow.create_experiment("scores"))
        with pytest.raises(mlflow.MlflowException) as kept:
            mlflow.delete_workspace("credit-risk")
        mlflow.delete_workspace("credit-risk", mode="CASCADE")
    finally:
        mlflow.set_workspace(None)

    assert (made.name, made.description) == ("credit-risk", "Credit risk")
    assert again.value.error_code == "RESOURCE_ALREADY_EXISTS"
    assert renamed.description == "Credit and fraud"
    assert here.workspace == "credit-risk"
    assert kept.value.error_code == "RESOURCE_CONFLICT"
    assert "credit-risk" not in [workspace.name for workspace in mlflow.list_workspaces()]
    assert Team.objects.get(slug="credit-risk").archived_at is not None
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"team.create", "team.update", "team.archive"}


@pytest.mark.django_db
def test_one_sees_the_workspaces_of_ones_own_teams_only(person: Person, stranger: Person):
    caller = Caller(person, ROOT_3)

    status, body = caller.get("workspaces")
    own = caller.get(f"workspaces/{person.team.slug}")
    default = caller.get("workspaces/default")
    other = caller.get(f"workspaces/{stranger.team.slug}")

    assert status == 200
    assert [workspace["name"] for workspace in body["workspaces"]] == [person.team.slug]
    assert own == default == (200, {"workspace": {"name": person.team.slug, "description": person.team.name}})
    assert (other[0], other[1]["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.VIEWER, Role.DATA_SCIENTIST])
def test_who_is_not_administrator_changes_no_workspace(role: Role, stranger: Person):
    person = person_make(role, scopes=("read", "write", "admin"))
    caller = Caller(person, ROOT_3)

    own = [
        caller.post("workspaces", name="of-my-own")[0],
        caller.patch(f"workspaces/{person.team.slug}", description="Mine")[0],
        caller.delete(f"workspaces/{person.team.slug}?mode=CASCADE")[0],
    ]
    others = [
        caller.patch(f"workspaces/{stranger.team.slug}", description="Mine")[0],
        caller.delete(f"workspaces/{stranger.team.slug}?mode=CASCADE")[0],
    ]

    assert (own, others) == ([403, 403, 403], [404, 404])
    assert not Team.objects.filter(slug="of-my-own").exists()
    assert not Team.objects.filter(archived_at__isnull=False).exists()


@pytest.mark.django_db
def test_a_jobs_token_sees_no_workspace(person: Person):
    caller = Caller({"Authorization": f"Bearer {attempt_token(person)}"}, ROOT_3)

    assert caller.get("workspaces") == (200, {})
    assert caller.get(f"workspaces/{person.team.slug}")[0] == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"name": "default"},
        {"name": "A"},
        {"name": "UPPER"},
        {"name": "../etc"},
        {"name": "x" * 61},
        {"name": 7},
        {},
        {"name": "fine", "description": "d" * 121},
        {"name": "fine", "default_artifact_root": "file:///etc"},
        {"name": "fine", "trace_archival_config": {"location": "s3://elsewhere"}},
        {"name": "fine", "trace_archival_config": "s3://elsewhere"},
    ],
)
def test_what_is_no_workspace_is_refused_at_its_field(body: dict[str, Any]):
    status, answer = Caller(administrator_headers(), ROOT_3).post("workspaces", **body)

    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not Team.objects.exists()


@pytest.mark.django_db
def test_a_team_of_the_name_default_is_not_mistaken_for_the_default_workspace():
    from apps.accounts.services import team_create
    from apps.core.actors import Actor

    team = team_create(actor=Actor.system(), name="Default")

    assert team.slug == "default-2"


@pytest.mark.django_db
def test_things_do_not_move_to_another_workspace(person: Person):
    caller = Caller(administrator_headers(), ROOT_3)

    moved = caller.delete(f"workspaces/{person.team.slug}?mode=SET_DEFAULT")
    unknown = caller.delete(f"workspaces/{person.team.slug}?mode=ALL")
    default = caller.delete("workspaces/default")
    nothing = caller.patch(f"workspaces/{person.team.slug}")

    assert [answer[0] for answer in (moved, unknown, default, nothing)] == [400, 400, 400, 400]
    assert Team.objects.get(pk=person.team.pk).archived_at is None
