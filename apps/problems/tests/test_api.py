"""The same rules by JSON: sessions and tokens, lists of what is missing, idempotent creates."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.problems.models import Problem
from apps.problems.tests.factories import ARRESTS, OBJECTIVES, SEGMENTS, people, problem_draft

pytestmark = pytest.mark.django_db


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def token_client(user: User, scopes: list[str]) -> APIClient:
    _, secret = token_create(actor=actor_of_user(user), user=user, name="t", scopes=scopes, days=1)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def _people() -> tuple[Any, User, User]:
    team = team_make()
    return team, user_make(role=Role.DATA_SCIENTIST, team=team), user_make(role=Role.PRODUCT_OWNER, team=team)


def test_the_whole_way_by_json():
    team, scientist, owner = _people()
    science, product = client_of(scientist), client_of(owner)

    made = science.post("/api/v1/problems", {"team_id": str(team.pk), "name": "Release"})
    assert made.status_code == 201
    draft = made.json()["open"]
    refused = science.post(f"/api/v1/problem-versions/{draft['id']}/submit", {})
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    assert {"field": "question", "message": "Write the question that the model is to answer."} in refused.json()[
        "items"
    ]

    body = {**ARRESTS, "objectives": OBJECTIVES, "segments": SEGMENTS, "row_version": draft["row_version"]}
    changed = science.patch(f"/api/v1/problem-versions/{draft['id']}", body)
    assert changed.status_code == 200, changed.json()
    assert changed.json()["missing"] == []
    assert changed.json()["threshold"] == 0.75
    assert science.post(f"/api/v1/problem-versions/{draft['id']}/submit", {}).status_code == 200
    mine = science.post(f"/api/v1/problem-versions/{draft['id']}/accept", {})
    assert mine.status_code == 403
    accepted = product.post(f"/api/v1/problem-versions/{draft['id']}/accept", {})
    assert accepted.status_code == 200, accepted.json()
    problem = product.get(f"/api/v1/problems/{made.json()['id']}").json()
    assert (problem["state"], problem["current"]["number"], problem["open"]) == ("ACCEPTED", 1, None)
    again = science.patch(f"/api/v1/problem-versions/{draft['id']}", {"question": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "sealed")


def test_an_editor_does_not_accept_by_token_either():
    team, _scientist, owner = _people()
    product = client_of(owner)
    made = product.post(
        "/api/v1/problems",
        {"team_id": str(team.pk), "name": "Release", **ARRESTS, "objectives": OBJECTIVES, "segments": SEGMENTS},
    ).json()
    version = made["open"]["id"]
    assert product.post(f"/api/v1/problem-versions/{version}/submit", {}).status_code == 200

    answer = token_client(owner, ["decide"]).post(f"/api/v1/problem-versions/{version}/accept", {})

    assert (answer.status_code, answer.json()["code"]) == (403, "editor_accepts")
    other = user_make(role=Role.PRODUCT_OWNER, team=team)
    assert token_client(other, ["read"]).post(f"/api/v1/problem-versions/{version}/accept", {}).status_code == 403
    assert token_client(other, ["decide"]).post(f"/api/v1/problem-versions/{version}/accept", {}).status_code == 200


def test_a_create_with_a_key_happens_once():
    team, scientist, _ = _people()
    client = client_of(scientist)
    body = {"team_id": str(team.pk), "name": "Release"}

    first = client.post("/api/v1/problems", body, headers={"Idempotency-Key": "k1"})
    second = client.post("/api/v1/problems", body, headers={"Idempotency-Key": "k1"})

    assert (first.status_code, second.status_code, second["Idempotent-Replay"]) == (201, 201, "true")
    assert first.json() == second.json()
    assert Problem.objects.count() == 1


def test_another_teams_problem_does_not_exist():
    team, science, _ = people()
    problem, version = problem_draft(science, team)
    _, stranger, _ = _people()
    client = client_of(stranger)

    for method, path in [
        ("get", f"problems/{problem.pk}"),
        ("patch", f"problems/{problem.pk}"),
        ("delete", f"problems/{problem.pk}"),
        ("post", f"problems/{problem.pk}/archive"),
        ("get", f"problems/{problem.pk}/versions"),
        ("get", f"problems/{problem.pk}/segments"),
        ("get", f"problem-versions/{version.pk}"),
        ("patch", f"problem-versions/{version.pk}"),
        ("post", f"problem-versions/{version.pk}/submit"),
        ("post", f"problem-versions/{version.pk}/accept"),
    ]:
        body = {"name": "x"} if path == f"problems/{problem.pk}" else {}
        assert getattr(client, method)(f"/api/v1/{path}", body).status_code == 404, path
    assert client.get("/api/v1/problems").json()["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"question": "a\u0000b"},
        {"owner_id": "me"},
        {"owner_id": str(uuid.uuid4())},
        {"label_delay_days": 10**12},
        {"objectives": [{"metric": "roc_auc", "limit": "NaN"}]},
        {"objectives": [{"metric": "roc_auc", "limit": 1e999}]},
        {"objectives": [{"metric": "a\u0000"}]},
        {"objectives": "all"},
        {"segments": [{"name": "x", "expression": "__import__('os')"}]},
        {"segments": [{"name": "x", "expression": "(" * 500}]},
        {"segments": [{"name": "x", "expression": "age", "bands": {"edges": ["NaN"]}}]},
        {"error_costs": {"currency": "EUR", "matrix": {"a\u0000": {"b": 1}}}},
        {"error_costs": {"currency": "EURO"}},
        {"least_support": {"rows": -1}},
    ],
)
def test_bad_bodies_are_refused_at_their_fields(body):
    team, scientist, _ = _people()
    client = client_of(scientist)
    version = client.post("/api/v1/problems", {"team_id": str(team.pk), "name": "Release"}).json()["open"]["id"]
    import json

    answer = client.patch(f"/api/v1/problem-versions/{version}", json.dumps(body), content_type="application/json")

    assert answer.status_code == 400, answer.content


def test_segments_by_json_and_viewers():
    team, scientist, _ = _people()
    client = client_of(scientist)
    problem = client.post("/api/v1/problems", {"team_id": str(team.pk), "name": "Release"}).json()["id"]

    saved = client.post(f"/api/v1/problems/{problem}/segments", SEGMENTS[0])

    assert (saved.status_code, saved.json()["number"]) == (201, 1)
    viewer = client_of(user_make(role=Role.VIEWER, team=team))
    assert viewer.get(f"/api/v1/problems/{problem}/segments").json()["results"][0]["name"] == "Age"
    assert viewer.post(f"/api/v1/problems/{problem}/segments", SEGMENTS[1]).status_code == 403
    assert APIClient().get("/api/v1/problems").status_code == 401
