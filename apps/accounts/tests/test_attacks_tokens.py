"""Attacks with tokens."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import ApiToken, Grant, User
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


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def token_of(user: User, *scopes: str) -> str:
    return services.token_create(actor=SYSTEM, user=user, name="t", scopes=scopes, days=5)[1]


def sign_in(client: Client, user: User, password: str = PASSWORD, **extra):
    return client.post(reverse("account_login"), {"login": user.username, "password": password, **extra})


def test_token_of_a_demoted_owner_loses_the_right(client):
    user = user_make(role=Role.ADMINISTRATOR)
    user_make(role=Role.ADMINISTRATOR)
    secret = token_of(user, "admin")
    assert client.post("/api/v1/teams", {"name": "A"}, "application/json", headers=bearer(secret)).status_code == 201

    services.grant_remove(actor=SYSTEM, grant_id=Grant.objects.get(user=user).pk)

    again = client.post("/api/v1/teams", {"name": "B"}, "application/json", headers=bearer(secret))
    assert again.status_code == 403


def test_expired_revoked_unknown_and_broken_tokens_are_401(client):
    user = user_make(role=Role.VIEWER, team=team_make())
    secret = token_of(user, "read")
    assert client.get("/api/v1/me", headers=bearer(secret)).status_code == 200
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/v1/me", headers=bearer(secret)).status_code == 401
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1), revoked_at=timezone.now())
    assert client.get("/api/v1/me", headers=bearer(secret)).status_code == 401
    for junk in ("fwy_unknown", "fwr_unknown", "x", "é".encode().decode("latin-1")):
        assert client.get("/api/v1/me", headers=bearer(junk)).status_code == 401


def test_bad_token_is_never_rescued_by_a_session(client):
    client.force_login(user_make(role=Role.ADMINISTRATOR))

    assert client.get("/api/v1/me", headers=bearer("fwy_bad")).status_code == 401


def test_narrow_token_is_not_widened_by_a_session(client):
    user = user_make(role=Role.ADMINISTRATOR)
    secret = token_of(user, "read")
    client.force_login(user)

    response = client.post("/api/v1/teams", {"name": "A"}, "application/json", headers=bearer(secret))

    assert response.status_code == 403


def test_token_opens_no_page(client):
    secret = token_of(user_make(role=Role.ADMINISTRATOR), "admin", "read", "write")

    response = client.get(reverse("person-list"), headers=bearer(secret))

    assert response.status_code == 302


def test_token_of_a_removed_person_is_dead(client):
    user = user_make(role=Role.VIEWER, team=team_make())
    secret = token_of(user, "read")

    services.person_remove(actor=SYSTEM, user_id=user.pk)

    assert client.get("/api/v1/me", headers=bearer(secret)).status_code == 401


def test_token_cannot_make_tokens_or_end_sessions(client):
    user = user_make(role=Role.ADMINISTRATOR)
    secret = token_of(user, "read", "write", "admin", "decide")
    body = {"name": "more", "scopes": ["admin"], "days": 365}

    assert client.post("/api/v1/tokens", body, "application/json", headers=bearer(secret)).status_code == 403


def test_run_token_is_nobody_at_the_api(client):
    team = team_make()
    pk = user_make().pk
    secret = services.run_token_issue(team_id=team.pk, job_id=pk, attempt_id=pk, run_id=None, label="job", minutes=5)

    for path in ("/api/v1/me", "/api/v1/people", "/api/v1/teams", "/api/v1/tokens"):
        assert client.get(path, headers=bearer(secret)).status_code in (401, 403)


def test_secrets_reach_no_log_and_no_audit(client, caplog, django_capture_on_commit_callbacks):
    caplog.set_level(logging.DEBUG)
    user = user_make("logged", role=Role.ADMINISTRATOR)
    secret = token_of(user, "read", "admin")
    link = services.sign_in_link_create(actor=SYSTEM, user=user).rstrip("/").rsplit("/", 1)[1]

    client.get("/api/v1/me", headers=bearer(secret))
    client.get("/api/v1/nothing-here", headers=bearer(secret))
    client.post("/api/v1/teams", {"name": ""}, "application/json", headers=bearer(secret))
    client.get("/api/v1/me", headers=bearer("fwy_wrong_secret_value"))
    client.get(reverse("account-link", args=[link]))
    client.post(reverse("account-link-use"))
    sign_in(Client(), user, "the wrong password!")
    with django_capture_on_commit_callbacks(execute=True):
        services.invitation_create(actor=SYSTEM, email="n@example.org", team=team_make(), role="VIEWER")
    invitation = re.search(r"/invitation/(\S+)/", mail.outbox[-1].body)[1]

    # Django's own test and SQL echo is not on in production; its records are left out.
    said = "\n".join(r.getMessage() for r in caplog.records if r.name != "django.db.backends")
    for hidden in (secret, "fwy_wrong_secret_value", link, "the wrong password!", invitation):
        assert hidden not in said
        assert hidden not in str(list(AuditEvent.objects.values()))
