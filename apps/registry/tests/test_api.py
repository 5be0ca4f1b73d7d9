from __future__ import annotations

import uuid

import pytest
from django.test import Client

from apps.accounts.selectors import actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make
from apps.problems.tests.factories import problem_accepted
from apps.registry.models import ModelVersion
from apps.registry.tests.factories import model_make, version_make
from workers.inspection.tests import lightgbm_files
from workers.inspection.tests.skops_files import skops

pytestmark = pytest.mark.django_db
COLUMNS = {"inputs": [{"name": "age", "datatype": "INT64"}, {"name": "kind", "datatype": "BYTES", "required": False}]}


def caller(role: Role = Role.DATA_SCIENTIST, team=None):
    """(client with a token, actor, team)."""
    team = team or team_make()
    user = user_make(role=role, team=team)
    actor = actor_of_user(user)
    _, secret = token_create(actor=actor, user=user, name="test", scopes=["read", "write"], days=1)
    return Client(headers={"Authorization": f"Bearer {secret}"}), actor, team


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.onnx", b"junk", "ONNX"),
        ("model.skops", b"cos\nsystem\n(S'true'\ntR.", "pickle"),
        ("model.txt", b"tree of life", "LightGBM"),
    ],
)
def test_what_a_file_says_in_its_name_is_not_believed(name: str, content: bytes, words: str):
    client, actor, team = caller()
    model = model_make(actor, team)
    run = run_make(actor, experiment_make(actor, team))
    artifact_make(actor, run, f"model/{name}", content)

    answer = client.post(
        f"/api/v1/models/{model.pk}/versions",
        {"run_id": str(run.pk), "path": "model"},
        content_type="application/json",
        headers={"Idempotency-Key": uuid.uuid4().hex},
    ).json()

    assert answer["state"] == "QUARANTINED"
    assert words in answer["quarantine_reason"]


def test_a_model_that_states_its_columns_has_a_signature():
    client, actor, team = caller()
    model = model_make(actor, team)
    run = run_make(actor, experiment_make(actor, team))
    artifact_make(actor, run, "model/model.txt", lightgbm_files.text())

    answer = client.post(
        f"/api/v1/models/{model.pk}/versions",
        {"run_id": str(run.pk), "path": "model"},
        content_type="application/json",
        headers={"Idempotency-Key": uuid.uuid4().hex},
    ).json()

    assert (answer["state"], answer["format"]) == ("SEALED", "LIGHTGBM")
    assert [column["name"] for column in answer["signature"]["inputs"]] == ["age", "pressure"]


def test_a_version_is_registered_once_for_one_key():
    client, actor, team = caller()
    model = model_make(actor, team)
    run = run_make(actor, experiment_make(actor, team))
    artifact_make(actor, run, "model/MLmodel", b"flavors: {}")
    artifact_make(actor, run, "model/model.skops", skops())
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"run_id": str(run.pk), "path": "model", "description": "by hand", "signature": COLUMNS}

    first, again = (
        client.post(f"/api/v1/models/{model.pk}/versions", body, content_type="application/json", headers=headers)
        for _ in range(2)
    )

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["state"] == "SEALED"
    assert [row["path"] for row in first.json()["manifest"]] == ["MLmodel", "model.skops"]
    assert ModelVersion.objects.get().trained_by_id == actor.id


def test_reading_changing_and_refusing_a_version():
    client, actor, team = caller()
    version = version_make(actor, team)
    path = f"/api/v1/versions/{version.pk}"

    described = client.patch(path, {"description": "so"}, content_type="application/json")
    sealed = client.patch(path, {"threshold": 0.1}, content_type="application/json")
    file = client.get(f"{path}/files/model.skops")
    no_reason = client.post(f"{path}/quarantine", {}, content_type="application/json")
    quarantined = client.post(f"{path}/quarantine", {"reason": "doubt"}, content_type="application/json")

    assert described.json()["description"] == "so"
    assert sealed.json()["threshold"] == 0.75
    assert file["Content-Disposition"].startswith("attachment")
    assert no_reason.status_code == 400
    assert quarantined.json()["state"] == "QUARANTINED"


def test_aliases_are_put_and_deleted():
    client, actor, team = caller()
    version = version_make(actor, team)
    path = f"/api/v1/models/{version.model_id}/aliases/challenger"

    put = client.put(path, {"version_id": str(version.pk)}, content_type="application/json")
    reserved = client.put(
        f"/api/v1/models/{version.model_id}/aliases/live",
        {"version_id": str(version.pk)},
        content_type="application/json",
    )
    deleted, again = client.delete(path), client.delete(path)

    assert put.json()["version_id"] == str(version.pk)
    assert reserved.status_code == 409
    assert (deleted.status_code, again.status_code) == (204, 404)


def test_another_team_gets_404_and_a_viewer_403():
    _, actor, team = caller()
    version = version_make(actor, team)
    stranger, _, _ = caller()
    viewer, _, _ = caller(Role.VIEWER, team)
    model, one = f"/api/v1/models/{version.model_id}", f"/api/v1/versions/{version.pk}"
    reads = [model, f"{model}/versions", one, f"{one}/files/MLmodel"]

    assert [stranger.get(path).status_code for path in reads] == [404] * 4
    assert [viewer.get(path).status_code for path in reads] == [200] * 4
    for client, status in ((stranger, 404), (viewer, 403)):
        assert client.patch(model, {"description": "x"}, content_type="application/json").status_code == status
        assert client.patch(one, {"archived": True}, content_type="application/json").status_code == status
        assert client.post(f"{one}/quarantine", {"reason": "x"}, content_type="application/json").status_code == status
    assert stranger.get("/api/v1/models").json()["results"] == []


def test_a_model_that_has_no_problem_is_attached_once():
    client, actor, team = caller()
    owner = actor_of_user(user_make(role=Role.PRODUCT_OWNER, team=team))
    problem, _ = problem_accepted(actor, owner, team)
    other, _ = problem_accepted(actor, owner, team)
    path = f"/api/v1/models/{model_make(actor, team).pk}"

    answers = [
        client.patch(path, {"problem_id": str(pk)}, content_type="application/json")
        for pk in (uuid.uuid4(), problem.pk, problem.pk, other.pk)
    ]

    assert [answer.status_code for answer in answers] == [404, 200, 200, 409]
    assert answers[1].json()["problem_id"] == str(problem.pk)
