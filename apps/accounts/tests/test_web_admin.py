"""Pages of the administration."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import ApiToken, Grant, Invitation, Team, User
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


@pytest.mark.parametrize(
    "name",
    [
        "person-list",
        "invitation-create",
        "invitation-list",
        "team-list",
        "team-create",
        "roles-matrix",
        "account",
        "token-list",
        "token-create",
        "session-list",
        "account_change_password",
        "account_email",
        "account_logout",
        "mfa_index",
        "account_reauthenticate",
    ],
)
def test_pages_of_an_administrator(client, admin, name):
    team_make()

    page(client, name)


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_reset_password",
        "account_reset_password_done",
        "account_signup",
        "account_link_use",
        "invitation-accept",
        "account_inactive",
        "account_reset_password_from_key_done",
    ],
)
def test_pages_of_a_stranger(client, name):
    page(client, name.replace("account_link_use", "account-link-use"))


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMINISTRATOR])
def test_administration_is_closed_to_others(client, role):
    user = user_make(role=role, team=team_make())
    client.force_login(user)

    for name in ("person-list", "team-list", "roles-matrix", "invitation-create", "invitation-list"):
        assert client.get(reverse(name)).status_code == 403
    assert client.post(reverse("team-create"), {"name": "x"}).status_code == 403
    assert client.post(reverse("person-remove", args=[user.pk])).status_code == 403


def test_team_administrator_sees_own_people_only(client):
    mine, other = team_make("Mine"), team_make("Other")
    client.force_login(user_make("boss", role=Role.ADMINISTRATOR, team=mine))
    stranger = user_make("stranger", role=Role.VIEWER, team=other)
    colleague = user_make("colleague", role=Role.VIEWER, team=mine)

    html = page(client, "person-list")

    assert "colleague" in html
    assert "stranger" not in html
    assert client.get(reverse("person-detail", args=[stranger.pk])).status_code == 404
    assert client.get(reverse("team-detail", args=[other.pk])).status_code == 404
    assert client.get(reverse("team-create")).status_code == 403
    assert "Remove" not in page(client, "person-detail", colleague.pk)
    page(client, "team-detail", mine.pk)
    page(client, "team-update", mine.pk)


def test_people_filters(client, admin):
    team = team_make()
    user_make("scout", role=Role.DATA_SCIENTIST, team=team)
    services.person_remove(actor=SYSTEM, user_id=user_make("leaver").pk)

    assert "scout" in page(client, "person-list", role="DATA_SCIENTIST")
    assert "scout" not in page(client, "person-list", role="OPERATOR")
    assert "scout" in page(client, "person-list", team=str(team.pk))
    assert "leaver" in page(client, "person-list", state="REMOVED")
    assert "leaver" not in page(client, "person-list", state="ACTIVE")
    assert "leaver" in page(client, "person-list", q="leav")
    page(client, "person-list", team="nonsense", role="NOBODY", q="\x00")


def test_people_list_budget(client, admin, django_assert_max_num_queries):
    team = team_make()
    for number in range(60):
        user_make(f"many{number}", role=Role.VIEWER, team=team)
    page(client, "person-list")

    with django_assert_max_num_queries(15):
        page(client, "person-list")


def test_invite_from_the_page(client, admin, django_capture_on_commit_callbacks):
    team = team_make()

    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(
            reverse("invitation-create"),
            {"email": "new@example.org", "team": team.pk, "role": "DATA_SCIENTIST", "days": 7},
        )

    assert response.status_code == 302
    assert mail.outbox[0].to == ["new@example.org"]
    assert "new@example.org" in page(client, "invitation-list")
    secret = re.search(r"/invitation/(\S+)/", mail.outbox[0].body)[1]
    assert secret not in page(client, "invitation-list")
    invitation = Invitation.objects.get()
    page(client, "invitation-change", invitation.pk)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("invitation-resend", args=[invitation.pk]))
    assert len(mail.outbox) == 2
    client.post(reverse("invitation-revoke", args=[invitation.pk]))
    assert "new@example.org" not in page(client, "invitation-list").split("<main")[1].split("fw-messages")[0]


def test_bad_invitation_keeps_its_content(client, admin):
    team = team_make()

    response = client.post(
        reverse("invitation-create"), {"email": "not an address", "team": team.pk, "role": "VIEWER", "days": 7}
    )

    assert response.status_code == 422
    assert "not an address" in response.content.decode()


def test_teams_page_and_stale_form(client, admin):
    response = client.post(reverse("team-create"), {"name": "Parole"})
    team = Team.objects.get(name="Parole")
    assert response["Location"] == reverse("team-detail", args=[team.pk])
    assert "Parole" in page(client, "team-list")
    page(client, "team-detail", team.pk)
    first = {"name": "Parole board", "decide_needs_mfa": "on", "row_version": 1}
    assert client.post(reverse("team-update", args=[team.pk]), first).status_code == 302

    stale = client.post(reverse("team-update", args=[team.pk]), {"name": "Mine", "row_version": 1})

    assert stale.status_code == 409
    assert "Parole board" in stale.content.decode()
    assert "Mine" in stale.content.decode()
    team.refresh_from_db()
    assert (team.name, team.decide_needs_mfa) == ("Parole board", True)
    assert client.post(reverse("team-create"), {"name": "parole BOARD"}).status_code == 422


def test_team_archive_and_back(client, admin):
    team = team_make("Old")
    member = user_make(role=Role.VIEWER, team=team)
    client.post(reverse("team-archive", args=[team.pk]), {"reason": "closed"})
    assert Grant.objects.filter(user=member).exists()
    assert "archived" in page(client, "team-detail", team.pk)

    client.post(reverse("team-archive", args=[team.pk]), {"archived": "0"})

    team.refresh_from_db()
    assert team.archived_at is None


def test_person_page_roles_and_removal(client, admin):
    team = team_make()
    user = user_make("worker", role=Role.VIEWER, team=team)
    services.token_create(actor=SYSTEM, user=user, name="mine", scopes=["read"], days=5)
    assert "1 API token" in page(client, "person-detail", user.pk)

    response = client.post(
        reverse("grant-create", args=[user.pk]),
        {"role": "OPERATOR", "where": str(team.pk), "until": "2000-01-01"},
    )
    assert response.status_code == 422
    client.post(reverse("grant-create", args=[user.pk]), {"role": "OPERATOR", "where": str(team.pk)})
    grant = Grant.objects.get(user=user, role="OPERATOR")
    client.post(reverse("grant-delete", args=[grant.pk]), {"reason": "done"})
    client.post(reverse("person-token-revoke", args=[ApiToken.objects.get().pk]))
    client.post(reverse("person-remove", args=[user.pk]), {"reason": "left"})

    user.refresh_from_db()
    assert not user.is_active
    page(client, "person-detail", user.pk)
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"grant.add", "grant.remove", "token.revoke", "person.remove"} <= actions


def test_last_administrator_page_refuses(client, admin):
    assert "Cannot be removed" in page(client, "person-detail", admin.pk)

    response = client.post(reverse("grant-delete", args=[Grant.objects.get(user=admin).pk]))

    assert response.status_code == 409


def test_sign_in_link_by_mail(client, admin, django_capture_on_commit_callbacks):
    user = user_make("forgetful")

    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("person-link", args=[user.pk]))

    assert mail.outbox[0].to == [user.email]


def test_who_can_do_this(client, admin):
    team = team_make()
    owner = user_make("decider", role=Role.PRODUCT_OWNER, team=team)
    services.token_create(actor=SYSTEM, user=owner, name="t", scopes=["decide"], days=5)

    assert "decider" in page(client, "roles-matrix", verb="approval.decide", team=str(team.pk))
    assert "decider" not in page(client, "roles-matrix", verb="data.edit", team=str(team.pk)).split("</select>")[-1]
    assert "Nobody can" in page(client, "roles-matrix", verb="data.edit", team=str(team.pk))
    page(client, "roles-matrix", verb="nonsense", team="nonsense")


def test_ended_grant_is_marked(client, admin):
    user = user_make(role=Role.VIEWER, team=team_make())
    Grant.objects.filter(user=user).update(until=timezone.now())

    assert "ended" in page(client, "person-detail", user.pk)
