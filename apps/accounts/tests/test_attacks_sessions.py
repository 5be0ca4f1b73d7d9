"""Attacks on sign-in, sessions, passwords and addresses."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts import services
from apps.accounts.models import Grant, User
from apps.accounts.tests.factories import team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
PASSWORD = "a long test password"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()
    yield
    cache.clear()


def sign_in(client: Client, user: User, password: str = PASSWORD, **extra):
    return client.post(reverse("account_login"), {"login": user.username, "password": password, **extra})


def test_session_api_needs_the_csrf_token():
    browser = Client(enforce_csrf_checks=True)
    user = user_make(role=Role.ADMINISTRATOR)
    browser.force_login(user)

    refused = browser.post("/api/v1/teams", {"name": "A"}, "application/json")
    browser.get(reverse("account"))
    cookie = browser.cookies["fairway_csrf"].value
    allowed = browser.post("/api/v1/teams", {"name": "A"}, "application/json", headers={"X-CSRFToken": cookie})

    assert (refused.status_code, allowed.status_code) == (403, 201)


def test_forms_need_the_csrf_token():
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user_make(role=Role.ADMINISTRATOR))

    for name in ("team-create", "token-create", "sessions-end-others", "team-switch"):
        assert browser.post(reverse(name), {}).status_code == 403


def test_sign_in_gives_a_new_session_key(client):
    client.get(services.sign_in_link_create(actor=SYSTEM, user=user_make()))
    planted = client.session.session_key
    user = user_make("fixed")

    sign_in(client, user)

    assert client.session.session_key != planted
    assert Client(headers={}).get("/api/v1/me").status_code == 401
    thief = Client()
    thief.cookies["fairway_session"] = planted
    assert thief.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "http:///evil.example",
    ],
)
def test_next_never_leaves_the_site(client, target):
    user = user_make()

    response = sign_in(client, user, next=target)

    assert response.status_code == 302
    assert "evil" not in response["Location"]
    assert "javascript" not in response["Location"]
    assert "evil" not in client.get(f"{reverse('account_login')}?next={target}").headers.get("Location", "")


def test_next_inside_the_site_is_kept(client):
    assert sign_in(client, user_make(), next="/account/")["Location"] == "/account/"


def test_wrong_password_and_unknown_person_read_the_same(client):
    user = user_make("known")

    known = sign_in(client, user, "not the password").content.decode()
    unknown = client.post(reverse("account_login"), {"login": "nobody", "password": "not the password"})

    def plain(html: str) -> str:
        return re.sub(r'(value|content)="[^"]*"', "", html).replace("known", "").replace("nobody", "")

    assert plain(known) == plain(unknown.content.decode())


def test_password_reset_does_not_say_who_is_here(client):
    user = user_make("known")

    known = client.post(reverse("account_reset_password"), {"email": user.email})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})

    assert known.status_code == unknown.status_code == 302
    assert known["Location"] == unknown["Location"]
    assert [m.to for m in mail.outbox] == [[user.email], ["nobody@example.org"]]


def test_reset_mail_names_the_installation_not_the_host_of_the_request(client, settings):
    settings.ALLOWED_HOSTS = ["*"]
    settings.PUBLIC_URL = "https://fairway.example"
    user = user_make()

    client.post(reverse("account_reset_password"), {"email": user.email}, headers={"Host": "evil.example"})

    assert "https://fairway.example/accounts/password/reset/key/" in mail.outbox[0].body
    assert "evil" not in mail.outbox[0].body


def test_password_reset_ends_all_sessions_and_works_once(client):
    user = user_make("lost")
    other = Client()
    sign_in(other, user)
    client.post(reverse("account_reset_password"), {"email": user.email})
    path = re.search(r"https?://[^/]+(/\S+)", mail.outbox[-1].body)[1]
    form = client.get(path)["Location"]

    response = client.post(form, {"password1": "another long secret", "password2": "another long secret"})

    assert response.status_code == 302
    assert other.get("/api/v1/me").status_code == 401
    user.refresh_from_db()
    assert user.check_password("another long secret")
    assert AuditEvent.objects.filter(action="password.reset").count() == 1
    again = Client()
    assert "does not work any more" in again.get(path, follow=True).content.decode()


def test_guessing_is_slowed_down(client):
    user = user_make("target")

    answers = [sign_in(client, user, f"guess number {n}") for n in range(12)]

    assert any(a.status_code == 429 or b"Too many" in a.content for a in answers)
    assert sign_in(client, user).status_code != 302


def test_nobody_signs_up(client):
    response = client.post(
        reverse("account_signup"),
        {"email": "a@example.org", "username": "a", "password1": PASSWORD, "password2": PASSWORD},
    )

    assert response.status_code == 200
    assert not User.objects.filter(email="a@example.org").exists()


def test_removed_person_cannot_sign_in(client):
    user = user_make("gone")
    services.person_remove(actor=SYSTEM, user_id=user.pk)

    sign_in(client, user)

    assert client.get("/api/v1/me").status_code == 401


def test_team_of_another_is_404_everywhere(client):
    mine, other = team_make(), team_make()
    client.force_login(user_make(role=Role.ADMINISTRATOR, team=mine))
    stranger = user_make(role=Role.VIEWER, team=other)
    grant = Grant.objects.get(user=stranger)

    assert client.get(f"/api/v1/teams/{other.pk}").status_code == 404
    assert client.get(f"/api/v1/people/{stranger.pk}").status_code == 404
    assert client.delete(f"/api/v1/grants/{grant.pk}").status_code == 404
    patched = client.patch(f"/api/v1/teams/{other.pk}", {"row_version": 1, "name": "x"}, "application/json")
    assert patched.status_code == 404
    body = {"user_id": str(stranger.pk), "team_id": str(other.pk), "role": "VIEWER"}
    assert client.post("/api/v1/grants", body, "application/json").status_code == 404
    invited = {"email": "a@example.org", "team_id": str(other.pk), "role": "VIEWER"}
    assert client.post("/api/v1/invitations", invited, "application/json").status_code == 404


def test_password_change_ends_other_sessions(client):
    user = user_make("changer")
    other = Client()
    for browser in (client, other):
        sign_in(browser, user)

    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "another long secret", "password2": "another long secret"},
    )

    assert other.get("/api/v1/me").status_code == 401
    assert AuditEvent.objects.filter(action="password.change").count() == 1


def test_address_changes_only_by_the_link(client):
    user = user_make("mover")
    before = user.email
    sign_in(client, user)

    client.post(reverse("account_email"), {"email": "new@example.org", "action_add": ""})

    user.refresh_from_db()
    assert user.email == before
    path = next(
        found[1] for m in mail.outbox if (found := re.search(r"https?://[^/]+(/accounts/confirm-email/\S+)", m.body))
    )
    assert client.get(path).status_code == 200
    client.post(path)
    user.refresh_from_db()
    assert user.email == "new@example.org"
    assert AuditEvent.objects.filter(action="account.email").count() == 1
