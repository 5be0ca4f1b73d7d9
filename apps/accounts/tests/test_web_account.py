"""Pages of one's own account, and the entrance."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.urls import reverse

from apps.accounts import services
from apps.accounts.models import ApiToken, Grant, Invitation, User
from apps.accounts.tests.factories import team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
PASSWORD = "a long test password"


@pytest.fixture
def admin(client) -> User:
    user = user_make("root", role=Role.ADMINISTRATOR)
    client.force_login(user)
    return user


def page(client, name, *args, **query):
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, (name, response.status_code)
    html = response.content.decode()
    for block in re.findall(r"<script\b[^>]*>", html):
        assert "src=" in block or "application/json" in block
    assert " style=" not in html
    return html


def accept(client, django_capture_on_commit_callbacks, team) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        services.invitation_create(actor=SYSTEM, email="new@example.org", team=team, role=Role.VIEWER)
    path = re.search(r"https?://[^/]+(/invitation/\S+)", mail.outbox[-1].body)[1]
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"] == reverse("invitation-accept")


def test_invitation_accepted_signs_in(client, django_capture_on_commit_callbacks):
    team = team_make("Courts")
    accept(client, django_capture_on_commit_callbacks, team)
    assert "Courts" in page(client, "invitation-accept")
    anonymous_key = client.session.session_key

    response = client.post(
        reverse("invitation-accept"),
        {"username": "newbie", "password": "a very long secret 1", "password_again": "a very long secret 1"},
    )

    assert response.status_code == 302
    assert client.get("/api/v1/me").json()["username"] == "newbie"
    assert client.session.session_key != anonymous_key
    assert "does not work" in page(client, "invitation-accept")


def test_invitation_with_a_weak_password_says_so(client, django_capture_on_commit_callbacks):
    accept(client, django_capture_on_commit_callbacks, team_make())

    response = client.post(
        reverse("invitation-accept"), {"username": "n", "password": "short", "password_again": "short"}
    )

    assert response.status_code == 422
    assert Invitation.objects.get().accepted_at is None
    assert not User.objects.filter(username="n").exists()


def test_profile_and_theme(client, admin):
    response = client.post(reverse("account"), {"first_name": "Grace", "last_name": "Hopper", "theme": "dark"})

    admin.refresh_from_db()
    assert (str(admin), admin.theme) == ("Grace Hopper", "dark")
    assert response.cookies["fairway_theme"].value == "dark"


def test_token_is_shown_once(client, admin):
    response = client.post(reverse("token-create"), {"name": "nb", "scopes": ["read"], "days": 30})
    secret = re.search(r"fwy_[\w-]{20,}", response.content.decode())[0]

    assert "no-store" in response["Cache-Control"]
    assert secret not in page(client, "token-list")
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    token = ApiToken.objects.get()
    client.post(reverse("token-revoke", args=[token.pk]))
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_token_of_another_cannot_be_revoked_from_the_page(client):
    token, _ = services.token_create(actor=SYSTEM, user=user_make(), name="t", scopes=["read"], days=5)
    client.force_login(user_make())

    assert client.post(reverse("token-revoke", args=[token.pk])).status_code == 404


def test_a_wrong_password_and_an_unknown_name_read_the_same(client):
    user_make("ada")

    said = []
    for login in ("ada", "nobody", "nobody@example.org"):
        answer = client.post(reverse("account_login"), {"login": login, "password": "wrong"})
        assert answer.status_code == 200
        said.append("This name or address and this password do not belong together." in answer.content.decode())

    assert said == [True, True, True]


def test_own_sessions_listed_and_ended(client, django_user_model):
    from django.test import Client

    user = user_make("two")
    first, second = Client(), Client()
    for browser in (first, second):
        assert browser.post(reverse("account_login"), {"login": "two", "password": PASSWORD}).status_code == 302
    assert page(first, "session-list").count("127.0.0.1") == 2

    first.post(reverse("sessions-end-others"))

    assert first.get("/api/v1/me").status_code == 200
    assert second.get("/api/v1/me").status_code == 401
    assert AuditEvent.objects.filter(action="session.start", actor_id=user.pk).count() == 2
    from allauth.usersessions.models import UserSession

    first.post(reverse("session-end", args=[UserSession.objects.get().pk]))
    assert first.get("/api/v1/me").status_code == 401


def test_session_of_another_cannot_be_ended(client):
    from allauth.usersessions.models import UserSession
    from django.test import Client

    victim = Client()
    user_make("victim")
    victim.post(reverse("account_login"), {"login": "victim", "password": PASSWORD})
    client.force_login(user_make())

    assert client.post(reverse("session-end", args=[UserSession.objects.get().pk])).status_code == 404


def test_team_switch(client):
    one, two, foreign = team_make(), team_make(), team_make()
    user = user_make(role=Role.VIEWER, team=one)
    Grant.objects.create(user=user, team=two, role="VIEWER")
    client.force_login(user)

    response = client.post(reverse("team-switch"), {"team": two.pk, "next": "/account/"})

    user.refresh_from_db()
    assert (user.last_team, response["Location"]) == (two, "/account/")
    assert client.post(reverse("team-switch"), {"team": foreign.pk}).status_code == 404
    assert client.post(reverse("team-switch"), {"team": "x"}).status_code == 400
    evil = client.post(reverse("team-switch"), {"team": two.pk, "next": "//evil.example/"})
    assert evil["Location"] == "/"


def test_one_time_link_is_not_spent_by_looking(client):
    user = user_make("linked")
    path = services.sign_in_link_create(actor=SYSTEM, user=user)

    for _ in range(3):
        assert client.get(path).status_code == 302
        assert "linked" in page(client, "account-link-use")
    key = client.session.session_key
    client.post(reverse("account-link-use"))

    assert client.get("/api/v1/me").json()["username"] == "linked"
    assert client.session.session_key != key
    assert AuditEvent.objects.filter(action="sign_in_link.use").count() == 1


def test_spent_link_says_so(client):
    from django.test import Client

    user = user_make("linked")
    path = services.sign_in_link_create(actor=SYSTEM, user=user)
    client.get(path)
    client.post(reverse("account-link-use"))
    other = Client()
    other.get(path)

    response = other.post(reverse("account-link-use"))

    assert "does not work any more" in response.content.decode()
    assert other.get("/api/v1/me").status_code == 401


def test_link_still_asks_for_the_second_factor(client):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    user = user_make("strong")
    TOTP.activate(user, generate_totp_secret())
    client.get(services.sign_in_link_create(actor=SYSTEM, user=user))

    response = client.post(reverse("account-link-use"))

    assert response["Location"] == reverse("mfa_authenticate")
    assert client.get("/api/v1/me").status_code == 401
