"""Attacks on sign-in, sessions and tokens."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

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
from django.utils import timezone

from apps.accounts import policies, services
from apps.accounts.models import ApiToken, Grant, User
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


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


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


# -- tokens -----------------------------------------------------------------


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


# -- sessions ----------------------------------------------------------------


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


# -- second factor -------------------------------------------------------------


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


# -- passwords and addresses -----------------------------------------------------


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
