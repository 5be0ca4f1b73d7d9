"""Invitations, tokens and one-time links."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import selectors, services
from apps.accounts.models import ApiToken, Grant, Invitation
from apps.accounts.tests.factories import actor_make, team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


def admin() -> Actor:
    return actor_make(Role.ADMINISTRATOR)


def invitation(email="new@example.org", role=Role.DATA_SCIENTIST, capture=None):
    team = team_make()
    made = services.invitation_create(actor=admin(), email=email, team=team, role=role)
    return made, team


def secret_of_mail() -> str:
    line = next(line for line in mail.outbox[-1].body.splitlines() if "/invitation/" in line)
    return line.rstrip("/").rsplit("/", 1)[1]


def test_invitation_reaches_the_mailbox_only(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made, team = invitation()

    secret = secret_of_mail()
    made.refresh_from_db()
    assert made.mailed_at is not None
    assert secret not in made.secret_sha256
    assert secret not in str(list(AuditEvent.objects.values()))
    user = services.invitation_accept(
        secret_sha256=selectors.secret_hash(secret), username="newbie", password="a very long secret 1"
    )
    assert selectors.actor_of_user(user).can("data.edit", team.pk)
    assert user.email == "new@example.org"


def test_invitation_works_once_and_ends(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made, _ = invitation()
    digest = selectors.secret_hash(secret_of_mail())
    services.invitation_accept(secret_sha256=digest, username="one", password="a very long secret 1")

    with pytest.raises(Conflict):
        services.invitation_accept(secret_sha256=digest, username="two", password="a very long secret 1")

    Invitation.objects.filter(pk=made.pk).update(accepted_at=None, expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict):
        services.invitation_accept(secret_sha256=digest, username="two", password="a very long secret 1")


def test_resending_ends_the_first_link(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made, _ = invitation()
    first = selectors.secret_hash(secret_of_mail())
    with django_capture_on_commit_callbacks(execute=True):
        services.invitation_resend(actor=admin(), invitation_id=made.pk)

    assert selectors.invitation_of_secret(first) is None
    assert selectors.invitation_of_secret(selectors.secret_hash(secret_of_mail())) is not None


def test_withdrawn_invitation_is_dead(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made, _ = invitation()
    services.invitation_revoke(actor=admin(), invitation_id=made.pk)

    assert selectors.invitation_of_secret(selectors.secret_hash(secret_of_mail())) is None


def test_removed_person_comes_back_by_invitation(django_capture_on_commit_callbacks):
    user = user_make("gone")
    services.person_remove(actor=admin(), user_id=user.pk)
    with django_capture_on_commit_callbacks(execute=True):
        invitation(email=user.email)

    back = services.invitation_accept(
        secret_sha256=selectors.secret_hash(secret_of_mail()), username="", password="a very long secret 1"
    )

    assert back.pk == user.pk
    assert back.is_active


def test_present_person_is_not_invited():
    user = user_make()

    with pytest.raises(Conflict):
        invitation(email=user.email.upper())


def test_mail_server_away_is_said_on_the_invitation(settings, django_capture_on_commit_callbacks):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 2
    with django_capture_on_commit_callbacks(execute=True):
        made, _ = invitation()

    made.refresh_from_db()
    assert made.mailed_at is None
    assert "ConnectionRefusedError" in made.mail_error


def test_token_shows_its_secret_once_and_is_hashed():
    user = user_make(role=Role.DATA_SCIENTIST, team=team_make())

    token, secret = services.token_create(
        actor=selectors.actor_of_user(user), user=user, name="notebook", scopes=["read", "write"], days=30
    )

    assert secret.startswith("fwy_")
    assert secret not in str(ApiToken.objects.filter(pk=token.pk).values().get())
    assert secret not in str(list(AuditEvent.objects.values()))
    found = selectors.actor_of_secret(secret)
    assert found is not None
    assert found[0].id == user.pk


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        ("", ["read"], 5, "name"),
        ("n", [], 5, "scopes"),
        ("n", ["all"], 5, "scopes"),
        ("n", ["read"], 366, "days"),
        ("n", ["read"], 0, "days"),
    ],
)
def test_token_input_is_checked(name, scopes, days, field):
    user = user_make()

    with pytest.raises(Invalid) as caught:
        services.token_create(actor=selectors.actor_of_user(user), user=user, name=name, scopes=scopes, days=days)

    assert field in caught.value.fields


def test_token_makes_no_token():
    user = user_make(role=Role.ADMINISTRATOR)
    _, secret = services.token_create(actor=SYSTEM, user=user, name="t", scopes=["admin"], days=5)
    found = selectors.actor_of_secret(secret)

    with pytest.raises(Forbidden):
        services.token_create(actor=found[0], user=user, name="t2", scopes=["decide"], days=365)


def test_nobody_makes_a_token_for_another():
    with pytest.raises(Forbidden):
        services.token_create(actor=admin(), user=user_make(), name="t", scopes=["read"], days=5)


def test_token_follows_its_owner_down():
    team = team_make()
    user = user_make(role=Role.PRODUCT_OWNER, team=team)
    _, secret = services.token_create(actor=SYSTEM, user=user, name="t", scopes=["decide", "read"], days=5)
    assert selectors.actor_of_secret(secret)[0].can("approval.decide", team.pk)

    services.grant_remove(actor=admin(), grant_id=Grant.objects.get(user=user).pk)

    assert not selectors.actor_of_secret(secret)[0].can("approval.decide", team.pk)
    assert not selectors.actor_of_secret(secret)[0].can("view", team.pk)


def test_scope_keeps_a_token_below_its_owner():
    team = team_make()
    user = user_make(role=Role.PRODUCT_OWNER, team=team)
    _, secret = services.token_create(actor=SYSTEM, user=user, name="t", scopes=["read"], days=5)
    actor = selectors.actor_of_secret(secret)[0]

    assert actor.can("view", team.pk)
    assert not actor.can("approval.decide", team.pk)
    assert not actor.can("problem.edit", team.pk)


def test_expired_and_revoked_tokens_are_nobody():
    user = user_make(role=Role.VIEWER, team=team_make())
    token, secret = services.token_create(actor=SYSTEM, user=user, name="t", scopes=["read"], days=5)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    assert selectors.actor_of_secret(secret) is None

    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(days=1))
    services.token_revoke(actor=selectors.actor_of_user(user), token_id=token.pk)

    assert selectors.actor_of_secret(secret) is None


def test_token_of_another_is_not_found():
    owner = user_make()
    token, _ = services.token_create(actor=SYSTEM, user=owner, name="t", scopes=["read"], days=5)

    with pytest.raises(NotFound):
        services.token_revoke(actor=actor_make(Role.VIEWER, team_make()), token_id=token.pk)


def test_run_token_is_bound_and_ends():
    team = team_make()
    job, attempt, run = (user_make().pk for _ in range(3))
    secret = services.run_token_issue(
        team_id=team.pk, job_id=job, attempt_id=attempt, run_id=run, label="job", minutes=5
    )
    actor, user = selectors.actor_of_secret(secret)
    assert (actor.run_id, actor.attempt_id, user) == (run, attempt, None)
    assert actor.team_ids("view") == frozenset()

    assert services.run_tokens_revoke(attempt_id=attempt) == 1

    assert selectors.actor_of_secret(secret) is None


def test_sign_in_link_is_for_the_system_only():
    with pytest.raises(Forbidden):
        services.sign_in_link_create(actor=admin(), user=user_make())


def test_sign_in_link_works_once():
    user = user_make()
    path = services.sign_in_link_create(actor=SYSTEM, user=user)
    digest = selectors.secret_hash(path.rstrip("/").rsplit("/", 1)[1])

    assert services.sign_in_link_use(secret_sha256=digest) == user
    with pytest.raises(Conflict):
        services.sign_in_link_use(secret_sha256=digest)


def test_newer_link_ends_the_older():
    user = user_make()
    first = services.sign_in_link_create(actor=SYSTEM, user=user)
    services.sign_in_link_create(actor=SYSTEM, user=user)

    with pytest.raises(Conflict):
        services.sign_in_link_use(secret_sha256=selectors.secret_hash(first.rstrip("/").rsplit("/", 1)[1]))


def test_gateway_hashes_follow_rights_and_scope():
    team, other = team_make(), team_make()
    scientist = user_make(role=Role.DATA_SCIENTIST, team=team)
    viewer = user_make(role=Role.VIEWER, team=team)
    good, _ = services.token_create(actor=SYSTEM, user=scientist, name="a", scopes=["predict"], days=5)
    services.token_create(actor=SYSTEM, user=scientist, name="b", scopes=["read"], days=5)
    services.token_create(actor=SYSTEM, user=viewer, name="c", scopes=["predict"], days=5)

    assert selectors.gateway_token_hashes(team.pk) == [good.secret_sha256]
    assert selectors.gateway_token_hashes(other.pk) == []
