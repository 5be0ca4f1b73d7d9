"""People, teams, roles and removal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts import contracts, selectors, services
from apps.accounts.contracts import RemovalHook
from apps.accounts.models import Grant, SignInLink, User
from apps.accounts.tests.factories import actor_make, team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


def admin() -> Actor:
    return actor_make(Role.ADMINISTRATOR)


def test_user_create_by_system_signs_in_and_is_audited():
    user = services.user_create(actor=SYSTEM, username="Ada", email="Ada@Example.org", password="a very long secret 1")

    assert user.check_password("a very long secret 1")
    assert user.email == "ada@example.org"
    entry = AuditEvent.objects.get(action="person.create")
    assert "a very long secret 1" not in str(entry.after)


def test_administrator_sets_no_password_of_others():
    with pytest.raises(Forbidden):
        services.user_create(actor=admin(), username="x", email="x@example.org", password="a very long secret 1")


@pytest.mark.parametrize(
    ("username", "email", "password", "field"),
    [
        ("ada", "other@example.org", None, "username"),
        ("ADA", "other@example.org", None, "username"),
        ("bob", "ADA@example.org", None, "email"),
        ("bob", "no address", None, "email"),
        ("a b", "c@example.org", None, "username"),
        ("bob", "c@example.org", "short", "password"),
        ("bob", "c@example.org", "password1234", "password"),
    ],
)
def test_user_create_names_the_bad_field(username, email, password, field):
    services.user_create(actor=SYSTEM, username="ada", email="ada@example.org")

    with pytest.raises(Invalid) as caught:
        services.user_create(actor=SYSTEM, username=username, email=email, password=password)

    assert field in caught.value.fields


def test_team_names_are_unique_in_any_case():
    services.team_create(actor=SYSTEM, name="Courts")

    with pytest.raises(Invalid):
        services.team_create(actor=SYSTEM, name="COURTS")


def test_only_site_administrators_create_teams():
    with pytest.raises(Forbidden):
        services.team_create(actor=actor_make(Role.ADMINISTRATOR, team_make()), name="Mine")


def test_stale_team_form_changes_nothing():
    team = team_make("Before")
    services.team_update(actor=admin(), team_id=team.pk, row_version=1, name="Theirs")

    with pytest.raises(Conflict) as caught:
        services.team_update(actor=admin(), team_id=team.pk, row_version=1, name="Mine")

    assert caught.value.items[0]["theirs"] == "Theirs"
    team.refresh_from_db()
    assert team.name == "Theirs"


def test_team_of_others_is_not_found():
    mine, other = team_make(), team_make()
    actor = actor_make(Role.ADMINISTRATOR, mine)

    with pytest.raises(NotFound):
        services.team_update(actor=actor, team_id=other.pk, row_version=1, name="x")
    with pytest.raises(NotFound):
        services.grant_add(actor=actor, user=user_make(), team=other, role=Role.VIEWER)
    with pytest.raises(NotFound):
        services.invitation_create(actor=actor, email="a@example.org", team=other, role=Role.VIEWER)


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMINISTRATOR])
def test_other_roles_manage_nobody(role):
    team = team_make()
    actor = actor_make(role, team)

    with pytest.raises(Forbidden):
        services.grant_add(actor=actor, user=user_make(), team=team, role=Role.VIEWER)
    with pytest.raises(Forbidden):
        services.invitation_create(actor=actor, email="a@example.org", team=team, role=Role.VIEWER)


def test_team_administrator_gives_no_site_role():
    team = team_make()

    with pytest.raises(Forbidden):
        services.grant_add(actor=actor_make(Role.ADMINISTRATOR, team), user=user_make(), team=None, role=Role.VIEWER)


def test_grant_ends_by_itself():
    team, user = team_make(), user_make()
    services.grant_add(
        actor=admin(), user=user, team=team, role=Role.OPERATOR, until=timezone.now() + timedelta(hours=1)
    )
    assert selectors.actor_of_user(user).can("deploy.start", team.pk)

    Grant.objects.filter(user=user).update(until=timezone.now() - timedelta(seconds=1))

    assert not selectors.actor_of_user(user).can("deploy.start", team.pk)


def test_grant_with_past_end_is_refused():
    with pytest.raises(Invalid):
        services.grant_add(actor=admin(), user=user_make(), team=team_make(), role=Role.VIEWER, until=timezone.now())


def test_same_grant_twice_is_one_row_and_one_entry():
    user, team, actor = user_make(), team_make(), admin()

    services.grant_add(actor=actor, user=user, team=team, role=Role.VIEWER)
    services.grant_add(actor=actor, user=user, team=team, role=Role.VIEWER)

    assert Grant.objects.filter(user=user).count() == 1
    assert AuditEvent.objects.filter(action="grant.add").count() == 1


def test_nobody_makes_themselves_a_decider():
    user = user_make(role=Role.ADMINISTRATOR)

    with pytest.raises(Forbidden) as caught:
        services.grant_add(actor=selectors.actor_of_user(user), user=user, team=team_make(), role=Role.PRODUCT_OWNER)

    assert caught.value.code == "second_person_needed"


def test_upper_room_refuses_a_grant(monkeypatch):
    monkeypatch.setattr(contracts, "_guards", {})
    contracts.grant_guard_register("reviews", lambda actor, user, team_id, role: "An open request would profit.")

    with pytest.raises(Conflict) as caught:
        services.grant_add(actor=admin(), user=user_make(), team=team_make(), role=Role.PRODUCT_OWNER)

    assert caught.value.items == ["An open request would profit."]


def test_last_administrator_stays():
    only = user_make(role=Role.ADMINISTRATOR)
    system_grant = Grant.objects.get(user=only)

    with pytest.raises(Conflict):
        services.grant_remove(actor=SYSTEM, grant_id=system_grant.pk)
    with pytest.raises(Conflict):
        services.person_remove(actor=SYSTEM, user_id=only.pk)
    with pytest.raises(Conflict):
        services.grant_add(
            actor=SYSTEM, user=only, team=None, role="ADMINISTRATOR", until=timezone.now() + timedelta(days=1)
        )


def test_administrator_with_an_end_does_not_count_as_the_other():
    only = user_make(role=Role.ADMINISTRATOR)
    services.grant_add(
        actor=SYSTEM,
        user=user_make(),
        team=None,
        role=Role.ADMINISTRATOR,
        until=timezone.now() + timedelta(days=1),
    )

    with pytest.raises(Conflict):
        services.person_remove(actor=SYSTEM, user_id=only.pk)


def test_removing_a_person_ends_everything_at_once(client, monkeypatch):
    monkeypatch.setattr(contracts, "_removals", {})
    ended = []
    contracts.removal_hook_register(
        "reviews",
        RemovalHook(preview=lambda user: ["1 open decision"], end=lambda actor, user: ended.append(user.pk)),
    )
    team = team_make()
    user = user_make("leaver", role=Role.PRODUCT_OWNER, team=team)
    client.force_login(user)
    assert client.get("/api/v1/me").status_code == 200
    _, secret = services.token_create(actor=selectors.actor_of_user(user), user=user, name="t", scopes=["read"], days=5)
    services.sign_in_link_create(actor=SYSTEM, user=user)
    actor = admin()

    preview = services.person_removal_preview(actor=actor, user_id=user.pk)
    services.person_remove(actor=actor, user_id=user.pk, reason="left")

    assert (preview.tokens, preview.grants, preview.others) == (1, 1, ("1 open decision",))
    assert client.get("/api/v1/me").status_code == 401
    assert selectors.actor_of_secret(secret) is None
    assert not Grant.objects.filter(user=user).exists()
    assert not SignInLink.objects.filter(user=user, used_at__isnull=True).exists()
    assert ended == [user.pk]
    assert AuditEvent.objects.get(action="person.remove").reason == "left"


def test_removal_that_fails_in_an_upper_room_ends_nothing(monkeypatch):
    monkeypatch.setattr(contracts, "_removals", {})

    def fail(actor, user):
        raise Conflict("Not now.")

    contracts.removal_hook_register("reviews", RemovalHook(preview=lambda user: [], end=fail))
    user = user_make(role=Role.VIEWER, team=team_make())

    with pytest.raises(Conflict):
        services.person_remove(actor=admin(), user_id=user.pk)

    user.refresh_from_db()
    assert user.is_active
    assert Grant.objects.filter(user=user).exists()
    assert not AuditEvent.objects.filter(action="person.remove").exists()


def test_nobody_removes_themselves():
    user = user_make(role=Role.ADMINISTRATOR)
    user_make(role=Role.ADMINISTRATOR)

    with pytest.raises(Conflict):
        services.person_remove(actor=selectors.actor_of_user(user), user_id=user.pk)


def test_audit_entry_and_change_stand_or_fall_together():
    before = User.objects.count(), AuditEvent.objects.count()

    with transaction.atomic():
        services.user_create(actor=SYSTEM, username="half", email="half@example.org")
        transaction.set_rollback(True)

    assert (User.objects.count(), AuditEvent.objects.count()) == before


def test_team_scope_of_people():
    mine, other = team_make(), team_make()
    actor = actor_make(Role.VIEWER, mine)
    stranger = user_make(role=Role.VIEWER, team=other)
    colleague = user_make(role=Role.VIEWER, team=mine)

    assert selectors.user_get(actor, colleague.pk) == colleague
    with pytest.raises(NotFound):
        selectors.user_get(actor, stranger.pk)
