from __future__ import annotations

import uuid

import pytest
from django.test import Client

from apps.accounts.selectors import actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.experiments import services
from apps.experiments.models import Experiment
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make, run_measured

pytestmark = pytest.mark.django_db


def caller(role: Role = Role.DATA_SCIENTIST, team=None):
    """(client with a token, actor, team)."""
    team = team or team_make()
    user = user_make(role=role, team=team)
    actor = actor_of_user(user)
    _, secret = token_create(actor=actor, user=user, name="test", scopes=["read", "write"], days=1)
    return Client(headers={"Authorization": f"Bearer {secret}"}), actor, team


def test_an_experiment_is_opened_once_for_one_key():
    client, _, team = caller()
    body = {"team_id": str(team.pk), "name": "Cheaper advice", "hypothesis": "It pays."}
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    first = client.post("/api/v1/experiments", body, content_type="application/json", headers=headers)
    again = client.post("/api/v1/experiments", body, content_type="application/json", headers=headers)
    other = client.post(
        "/api/v1/experiments", {**body, "name": "Other"}, content_type="application/json", headers=headers
    )
    taken = client.post("/api/v1/experiments", body, content_type="application/json")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 409
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert Experiment.objects.count() == 1


def test_words_and_the_archive_change_by_patch():
    client, actor, team = caller()
    experiment = experiment_make(actor, team)

    answer = client.patch(
        f"/api/v1/experiments/{experiment.pk}",
        {"conclusion": "It does.", "archived": True},
        content_type="application/json",
    )

    assert answer.status_code == 200
    assert answer.json()["state"] == "CONCLUDED"
    assert answer.json()["archived_at"] is not None
    assert client.get("/api/v1/experiments").json()["results"] == []
    assert len(client.get("/api/v1/experiments?archived=true").json()["results"]) == 1


def test_runs_are_listed_read_and_compared():
    client, actor, team = caller()
    experiment = experiment_make(actor, team)
    first, second = (run_measured(actor, experiment, cost=cost) for cost in (100.0, 90.0))

    listed = client.get(f"/api/v1/runs?experiment={experiment.pk}").json()["results"]
    detail = client.get(f"/api/v1/runs/{first.pk}").json()
    history = client.get(f"/api/v1/runs/{first.pk}/metrics/train_log_loss").json()
    compared = client.get(f"/api/v1/runs/compare?run={first.pk}&run={second.pk}").json()
    few = client.get(f"/api/v1/runs/compare?run={first.pk}")

    assert [row["id"] for row in listed] == [str(second.pk), str(first.pk)]
    assert detail["metrics_latest"]["validation_cost_per_100"][0] == 100.0
    assert len(history["history"]) == 12
    cost = next(m for m in compared["metrics"] if m["key"] == "validation_cost_per_100")
    assert cost["differences"] == [0.0, -10.0]
    assert few.status_code == 400


def test_notes_and_tags_of_a_sealed_run_change_by_patch():
    client, actor, team = caller()
    run = run_make(actor, experiment_make(actor, team))
    services.run_seal(run_id=run.pk)

    answer = client.patch(
        f"/api/v1/runs/{run.pk}", {"notes": "kept", "tags": {"a": "b"}}, content_type="application/json"
    )

    assert answer.status_code == 200
    assert (answer.json()["notes"], answer.json()["tags"]) == ("kept", {"a": "b"})


def test_another_team_gets_404_and_a_viewer_403():
    _, actor, team = caller()
    experiment = experiment_make(actor, team)
    run = run_make(actor, experiment)
    artifact_make(actor, run, "a.txt")
    stranger, _, _ = caller()
    viewer, _, _ = caller(Role.VIEWER, team)
    paths = [
        f"/api/v1/experiments/{experiment.pk}",
        f"/api/v1/runs/{run.pk}",
        f"/api/v1/runs/{run.pk}/artifacts",
        f"/api/v1/runs/{run.pk}/artifacts/a.txt",
        f"/api/v1/runs/{run.pk}/metrics/loss",
    ]

    assert [stranger.get(path).status_code for path in paths] == [404] * 5
    assert stranger.patch(paths[0], {"name": "x"}, content_type="application/json").status_code == 404
    assert [viewer.get(path).status_code for path in paths] == [200, 200, 200, 200, 404]
    assert viewer.patch(paths[0], {"name": "x"}, content_type="application/json").status_code == 403
    assert viewer.patch(paths[1], {"notes": "x"}, content_type="application/json").status_code == 403
    posted = viewer.post("/api/v1/experiments", {"team_id": str(team.pk), "name": "x"}, content_type="application/json")
    assert posted.status_code == 403
    assert Client().get(paths[0]).status_code == 401
