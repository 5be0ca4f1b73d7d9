"""JSON of people, teams, roles, invitations, tokens and sessions."""

from __future__ import annotations

import uuid

import pytest
from django.core import mail

from apps.accounts import services
from apps.accounts.models import Grant, Invitation
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@pytest.fixture
def admin(client):
    user = user_make("root", role=Role.ADMINISTRATOR)
    client.force_login(user)
    return user


def post(client, path: str, body: dict | None = None, **headers: str):
    return client.post(f"/api/v1/{path}", body or {}, "application/json", headers=headers)


def test_me_says_who_and_what(client):
    team = team_make()
    client.force_login(user_make("sci", role=Role.DATA_SCIENTIST, team=team))

    body = client.get("/api/v1/me").json()

    assert body["username"] == "sci"
    assert body["verbs"]["data.edit"] == [str(team.pk)]
    assert "approval.decide" not in body["verbs"]
    assert body["roles"][0]["role"] == "DATA_SCIENTIST"
    assert (body["kind"], body["scopes"], body["mfa"]) == ("USER", None, False)


def test_me_of_a_narrow_token(client):
    user = user_make(role=Role.ADMINISTRATOR)
    secret = services.token_create(actor=SYSTEM, user=user, name="t", scopes=["read"], days=5)[1]

    body = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).json()

    assert (body["kind"], body["scopes"]) == ("TOKEN", ["read"])
    assert set(body["verbs"]) == {"view", "audit.read"}
    assert body["verbs"]["view"] is None


def test_people_are_paged_by_key(client, admin):
    for _ in range(5):
        user_make()

    first = client.get("/api/v1/people?page_size=4").json()
    second = client.get(first["next"]).json()

    assert len(first["results"]) == 4
    assert len(second["results"]) == 2
    assert not {p["id"] for p in first["results"]} & {p["id"] for p in second["results"]}
    assert "password" not in str(first)
    assert client.get("/api/v1/people?team_id=x").status_code == 400
    assert client.get("/api/v1/people?text=%00&role=%00").status_code == 200


def test_create_team_once_per_key(client, admin):
    first = post(client, "teams", {"name": "Parole"}, **{"Idempotency-Key": "k1"})
    again = post(client, "teams", {"name": "Parole"}, **{"Idempotency-Key": "k1"})
    other = post(client, "teams", {"name": "Other"}, **{"Idempotency-Key": "k1"})

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()


def test_team_edit_and_conflict(client, admin):
    team = team_make("Old")
    url = f"/api/v1/teams/{team.pk}"

    done = client.patch(url, {"row_version": 1, "decide_needs_mfa": True}, "application/json")
    stale = client.patch(url, {"row_version": 1, "name": "x"}, "application/json")

    assert (done.status_code, done.json()["decide_needs_mfa"], done.json()["row_version"]) == (200, True, 2)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    assert post(client, f"teams/{team.pk}/archive", {"reason": "over"}).json()["archived_at"]
    assert post(client, f"teams/{team.pk}/restore").json()["archived_at"] is None


def test_grant_and_take_away(client, admin):
    team, user = team_make(), user_make()

    made = post(client, "grants", {"user_id": str(user.pk), "team_id": str(team.pk), "role": "OPERATOR"})
    assert made.status_code == 201
    listed = client.get(f"/api/v1/grants?user_id={user.pk}").json()["results"]
    assert [g["role"] for g in listed] == ["OPERATOR"]
    assert client.delete(f"/api/v1/grants/{made.json()['id']}").status_code == 204
    assert not Grant.objects.filter(user=user).exists()
    bad = post(client, "grants", {"user_id": str(user.pk), "role": "KING"})
    assert (bad.status_code, list(bad.json()["errors"])) == (400, ["role"])


def test_last_administrator_is_a_409(client, admin):
    grant = Grant.objects.get(user=admin)

    response = client.delete(f"/api/v1/grants/{grant.pk}")

    assert (response.status_code, response.json()["code"]) == (409, "last_administrator")


def test_invite_over_the_api(client, admin, django_capture_on_commit_callbacks):
    team = team_make()
    with django_capture_on_commit_callbacks(execute=True):
        made = post(client, "invitations", {"email": "a@example.org", "team_id": str(team.pk), "role": "VIEWER"})

    assert made.status_code == 201
    assert "secret" not in str(made.json())
    assert len(mail.outbox) == 1
    assert client.get("/api/v1/invitations").json()["results"][0]["state"] == "OPEN"
    pk = made.json()["id"]
    assert post(client, f"invitations/{pk}/resend").status_code == 200
    assert client.delete(f"/api/v1/invitations/{pk}").status_code == 204
    assert client.delete(f"/api/v1/invitations/{pk}").status_code == 409
    assert Invitation.objects.get().revoked_at is not None


def test_removal_preview_then_removal(client, admin):
    user = user_make(role=Role.VIEWER, team=team_make())

    preview = client.get(f"/api/v1/people/{user.pk}/removal").json()
    removed = post(client, f"people/{user.pk}/removal", {"reason": "left"})

    assert (preview["grants"], preview["refusal"]) == (1, "")
    assert removed.json()["state"] == "REMOVED"
    assert client.get(f"/api/v1/people/{user.pk}/removal").json()["refusal"]
    assert post(client, f"people/{user.pk}/removal").status_code == 409


def test_own_tokens(client):
    client.force_login(user_make(role=Role.VIEWER, team=team_make()))

    made = post(client, "tokens", {"name": "nb", "scopes": ["read"], "days": 10})
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("fwy_")
    listed = client.get("/api/v1/tokens")
    assert secret not in listed.content.decode()
    assert listed.json()["results"][0]["state"] == "ACTIVE"
    assert client.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 204
    assert client.get("/api/v1/tokens").json()["results"][0]["state"] == "REVOKED"
    bad = post(client, "tokens", {"name": "nb", "scopes": ["all"], "days": 999})
    assert set(bad.json()["errors"]) == {"scopes[0]", "days"} or "days" in bad.json()["errors"]


def test_token_ends_itself(client):
    user = user_make(role=Role.VIEWER, team=team_make())
    token, secret = services.token_create(actor=SYSTEM, user=user, name="t", scopes=["read"], days=5)
    other, _ = services.token_create(actor=SYSTEM, user=user, name="o", scopes=["read"], days=5)
    headers = {"Authorization": f"Bearer {secret}"}

    assert client.delete(f"/api/v1/tokens/{other.pk}", headers=headers).status_code == 403
    assert client.delete(f"/api/v1/tokens/{token.pk}", headers=headers).status_code == 204
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_own_sessions_only(client):
    from allauth.usersessions.models import UserSession

    user, other = user_make(), user_make()
    mine = UserSession.objects.create(user=user, session_key="a" * 32, ip="127.0.0.1", user_agent="x")
    theirs = UserSession.objects.create(user=other, session_key="b" * 32, ip="127.0.0.1", user_agent="x")
    client.force_login(user)

    assert [s["id"] for s in client.get("/api/v1/sessions").json()["results"]] == [mine.pk]
    assert client.delete(f"/api/v1/sessions/{theirs.pk}").status_code == 404
    assert client.delete(f"/api/v1/sessions/{mine.pk}").status_code == 204
    assert "session_key" not in client.get("/api/v1/sessions").content.decode()


def test_stranger_gets_problem_details(client):
    response = client.get("/api/v1/me")

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert "Bearer" in response["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["people/{}", "teams/{}", "people/{}/removal"])
def test_unknown_ids_are_404(client, admin, path):
    assert client.get("/api/v1/" + path.format(uuid.uuid4())).status_code == 404
