"""The second factor: asked for, reaching the actor, set up and taken away."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts import policies, services
from apps.accounts.models import User
from apps.accounts.selectors import actor_of_secret
from apps.accounts.tests.factories import team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, ActorKind, Role

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
PASSWORD = "a long test password"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()
    yield
    cache.clear()


def token_of(user: User, *scopes: str) -> str:
    return services.token_create(actor=SYSTEM, user=user, name="t", scopes=scopes, days=5)[1]


def sign_in(client: Client, user: User, password: str = PASSWORD, **extra):
    return client.post(reverse("account_login"), {"login": user.username, "password": password, **extra})


def confirm(client: Client, password: str = PASSWORD) -> None:
    """Prove again that it is you, as the pages that change a second factor ask."""
    assert client.post(reverse("account_reauthenticate"), {"password": password}).status_code == 302


def totp_add(user: User) -> str:
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def totp_code(secret: str) -> str:
    counters = list(yield_hotp_counters_from_time())
    return format_hotp_value(hotp_value(secret, counters[len(counters) // 2]))


def test_second_factor_is_asked_for_and_reaches_the_actor(client):
    user = user_make("strong")
    secret = totp_add(user)

    first = sign_in(client, user)
    assert first["Location"] == reverse("mfa_authenticate")
    assert client.get("/api/v1/me").status_code == 401
    assert client.get(reverse("mfa_authenticate")).status_code == 200
    client.post(reverse("mfa_authenticate"), {"code": totp_code(secret)})

    assert client.get("/api/v1/me").json()["mfa"] is True


def test_password_alone_is_not_a_second_factor(client):
    sign_in(client, user_make("plain"))

    assert client.get("/api/v1/me").json()["mfa"] is False


def test_code_works_once(client):
    user = user_make("strong")
    secret = totp_add(user)
    code = totp_code(secret)
    sign_in(client, user)
    client.post(reverse("mfa_authenticate"), {"code": code})
    other = Client()
    sign_in(other, user)

    other.post(reverse("mfa_authenticate"), {"code": code})

    assert other.get("/api/v1/me").status_code == 401


def test_recovery_code_signs_in_once(client):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    user = user_make("strong")
    totp_add(user)
    code = RecoveryCodes.activate(user).get_unused_codes()[0]
    sign_in(client, user)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert client.get("/api/v1/me").json()["mfa"] is True
    other = Client()
    sign_in(other, user)

    other.post(reverse("mfa_authenticate"), {"code": code})

    assert other.get("/api/v1/me").status_code == 401


def test_factor_records_of_another_person_do_not_count(client):
    strong, weak = user_make("strong"), user_make("weak")
    secret = totp_add(strong)
    sign_in(client, strong)
    client.post(reverse("mfa_authenticate"), {"code": totp_code(secret)})
    assert client.get("/api/v1/me").json()["mfa"] is True

    session = client.session
    records = session["account_authentication_methods"]
    client.logout()
    client.force_login(weak)
    session = client.session
    session["account_authentication_methods"] = records
    session.save()

    assert client.get("/api/v1/me").json()["mfa"] is False


def test_factor_is_set_up_on_the_pages(client, django_capture_on_commit_callbacks):
    user = user_make("setup")
    sign_in(client, user)
    refused = client.get(reverse("mfa_activate_totp"))
    assert refused["Location"].startswith(reverse("account_reauthenticate"))
    confirm(client)
    html = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", html)[1]

    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(reverse("mfa_activate_totp"), {"code": totp_code(secret)})

    assert response["Location"] == reverse("mfa_view_recovery_codes")
    assert client.get(response["Location"]).status_code == 200
    stored = Authenticator.objects.get(user=user, type="totp")
    assert secret not in str(stored.data)
    assert AuditEvent.objects.filter(action="second_factor.add").count() == 2
    assert mail.outbox
    for name in ("mfa_index", "mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_list_webauthn"):
        assert client.get(reverse(name)).status_code == 200


def test_passkey_pages_carry_no_inline_script(client):
    sign_in(client, user_make("keys"))
    confirm(client)

    html = client.get(reverse("mfa_add_webauthn")).content.decode()

    assert '"rp"' in html
    for tag in re.findall(r"<script\b[^>]*>", html):
        assert "src=" in tag or "application/json" in tag
    options = Client().get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    assert "challenge" in options.content.decode()


def test_taking_the_factor_away_weakens_this_session_and_ends_others(client):
    user = user_make("strong")
    secret = totp_add(user)
    code = totp_code(secret)
    sign_in(client, user)
    client.post(reverse("mfa_authenticate"), {"code": code})
    other = Client()
    other.force_login(user)
    from allauth.usersessions.models import UserSession

    UserSession.objects.create(user=user, session_key=other.session.session_key, ip="127.0.0.1", user_agent="other")

    confirm(client)
    client.post(reverse("mfa_deactivate_totp"))

    assert not Authenticator.objects.filter(user=user, type="totp").exists()
    assert client.get("/api/v1/me").json()["mfa"] is False
    assert other.get("/api/v1/me").status_code == 401


def test_deciding_in_a_strict_team():
    team = team_make()
    owner = user_make(role=Role.PRODUCT_OWNER, team=team)
    token = actor_of_secret(token_of(owner, "decide"))[0]
    weak = Actor(kind=ActorKind.USER, id=owner.pk, label="o")
    strong = Actor(kind=ActorKind.USER, id=owner.pk, label="o", mfa=True)
    pretending = Actor(kind=ActorKind.TOKEN, id=owner.pk, label="o", mfa=True)
    assert all(policies.decide_strength_ok(a, team) for a in (weak, strong, token))

    team.decide_needs_mfa = True

    assert [policies.decide_strength_ok(a, team) for a in (weak, strong, token, pretending)] == [
        False,
        True,
        False,
        False,
    ]
    assert services.deciders_need_mfa(team.pk) is False
    team.save()
    assert services.deciders_need_mfa(team.pk) is True
