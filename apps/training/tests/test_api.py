from __future__ import annotations

import uuid

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import user_make
from apps.core.actors import Actor, Role
from apps.training.models import Launch
from apps.training.tests.factories import Ground, ground_make, launch_make

pytestmark = pytest.mark.django_db


def client_of(actor: Actor) -> Client:
    user = User.objects.get(pk=actor.id)
    _, secret = token_create(actor=actor, user=user, name="test", scopes=["read", "write"], days=1)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def body_of(ground: Ground, **changes: object) -> dict[str, object]:
    return {
        "dataset_version_id": str(ground.version.pk),
        "problem_id": str(ground.problem.pk),
        "recipe": "logistic_regression",
        "params": {"C": 0.5},
        **changes,
    }


def test_the_catalogue_names_recipes_and_their_schema_by_task():
    client = client_of(ground_make().scientist)

    binary = client.get("/api/v1/recipes").json()
    regression = client.get("/api/v1/recipes?task=REGRESSION").json()

    assert "logistic_regression" in {row["id"] for row in binary}
    assert "ridge" in {row["id"] for row in regression}
    assert all(row["schema"]["type"] == "object" for row in binary)
    assert client.get("/api/v1/recipes?task=NONE").status_code == 400


def test_the_same_key_launches_once():
    ground = ground_make()
    client = client_of(ground.scientist)
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    first, again = (
        client.post("/api/v1/launches", body_of(ground), content_type="application/json", headers=headers)
        for _ in range(2)
    )
    other = client.post("/api/v1/launches", body_of(ground, seed=2), content_type="application/json", headers=headers)

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert first.json()["params"]["C"] == 0.5
    assert Launch.objects.count() == 1


def test_a_refusal_names_the_field():
    ground = ground_make()

    answer = client_of(ground.scientist).post(
        "/api/v1/launches", body_of(ground, params={"C": -1}), content_type="application/json"
    )

    assert answer.status_code == 400
    assert "params.C" in answer.json()["errors"]


def test_another_team_gets_404_and_a_viewer_403():
    ground = ground_make()
    launch = launch_make(ground)
    viewer = client_of(actor_of_user(user_make(role=Role.VIEWER, team=ground.team)))
    stranger = client_of(ground_make().scientist)

    assert stranger.get(f"/api/v1/launches/{launch.pk}").status_code == 404
    assert stranger.post("/api/v1/launches", body_of(ground), content_type="application/json").status_code == 404
    assert viewer.get(f"/api/v1/launches/{launch.pk}").status_code == 200
    assert viewer.post("/api/v1/launches", body_of(ground), content_type="application/json").status_code == 403
    assert Client().get("/api/v1/recipes").status_code == 401


def test_a_launch_says_its_priority_and_that_it_may_give_way():
    ground = ground_make()
    client = Client()
    client.force_login(User.objects.get(pk=ground.scientist.id))
    body = {
        "dataset_version_id": str(ground.version.pk),
        "problem_id": str(ground.problem.pk),
        "recipe": "logistic_regression",
    }

    def post(**more):
        return client.post("/api/v1/launches", {**body, **more}, content_type="application/json")

    low = post(priority="low", restartable=True)
    high, odd = post(priority="high"), post(priority="urgent")
    job = client.get(f"/api/v1/jobs/{low.json()['job_id']}").json()

    assert (low.status_code, job["priority"], job["restartable"]) == (201, "low", True)
    assert (high.status_code, odd.status_code) == (403, 400)
    assert "priority" in odd.content.decode()
