"""How the JSON API refuses: at the name of what is wrong, with the reason that is true."""

import base64

import pytest
from django.test import Client

from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role

pytestmark = pytest.mark.django_db

LISTS = (
    "audit",
    "datasets",
    "deployments",
    "evaluations",
    "experiments",
    "grants",
    "invitations",
    "jobs",
    "models",
    "notices",
    "people",
    "problems",
    "requests",
    "runs",
    "sessions",
    "teams",
    "tokens",
    "traces",
    "webhooks",
)


def signed_in(role: Role = Role.ADMINISTRATOR) -> Client:
    client = Client()
    client.force_login(user_make(role=role, team=team_make()))
    return client


def refused(response, *names: str) -> dict[str, list[str]]:
    """The errors of a 400 in problem details that names exactly these fields."""
    body = response.json()
    assert response.status_code == 400, body
    assert response["Content-Type"] == "application/problem+json"
    assert set(body["errors"]) == set(names)
    return body["errors"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_refuses_what_it_cannot_read(name: str) -> None:
    client = signed_in()

    told = refused(client.get(f"/api/v1/{name}?limit=word"), "limit")
    assert "page_size" in told["limit"][0], "what the list does take is said"
    refused(client.get(f"/api/v1/{name}?page_size=word"), "page_size")
    refused(client.get(f"/api/v1/{name}?page_size=201"), "page_size")
    refused(client.get(f"/api/v1/{name}?cursor=word"), "cursor")
    forged = base64.b64encode(b"p=no+id").decode()
    refused(client.get(f"/api/v1/{name}?cursor={forged}"), "cursor")
    assert client.get(f"/api/v1/{name}?page_size=200").status_code == 200


def test_a_list_where_an_object_belongs_is_said_in_words() -> None:
    response = signed_in().post("/api/v1/teams", [{"name": "Parole"}], content_type="application/json")

    assert response.status_code == 400
    assert response.json()["detail"] == "The body is a JSON object with named fields, not a list or a bare value."


def test_a_list_inside_the_body_is_an_error_of_its_field() -> None:
    team = team_make()
    client = Client()
    client.force_login(user_make(role=Role.DATA_SCIENTIST, team=team))
    body = {"team_id": str(team.pk), "name": "Release", "slug": "release", "error_costs": [1]}

    response = client.post("/api/v1/problems", body, content_type="application/json")

    assert "error_costs" in response.json()["errors"]


def test_a_token_is_told_which_scope_it_lacks() -> None:
    user = user_make(role=Role.DATA_SCIENTIST, team=team_make())

    def told(scope: str, path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
        secret = token_create(actor=Actor.system(), user=user, name="t", scopes=[scope], days=5)[1]
        call = Client(headers={"Authorization": f"Bearer {secret}"})
        url = f"/api/v1/{path}"
        response = call.get(url) if body is None else call.post(url, body, content_type="application/json")
        return response.status_code, response.json()["detail"]

    team = str(user.grants.get().team_id)
    status, detail = told("read", "experiments", {"team_id": team, "name": "Night runs"})
    assert (status, "lacks the scope “write”" in detail) == (403, True), detail
    assert told("predict", f"teams/{team}")[0] == 404, "what a token may not see stays unknown to it"


def test_who_lacks_the_right_itself_is_not_sent_for_a_scope() -> None:
    user = user_make(role=Role.VIEWER, team=team_make())
    secret = token_create(actor=Actor.system(), user=user, name="t", scopes=["read"], days=5)[1]
    call = Client(headers={"Authorization": f"Bearer {secret}"})
    body = {"team_id": str(user.grants.get().team_id), "name": "Night runs"}

    response = call.post("/api/v1/experiments", body, content_type="application/json")

    assert response.status_code == 403
    assert "scope" not in response.json()["detail"]
