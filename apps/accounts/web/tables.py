"""The tables of the administration pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors
from apps.accounts.models import Grant, User
from apps.accounts.web.forms import ROLES
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter


def _held(queryset: QuerySet[Any], condition: Q) -> QuerySet[Any]:
    now = timezone.now()
    grants = Grant.objects.filter(Q(until__isnull=True) | Q(until__gt=now)).filter(condition)
    return queryset.filter(pk__in=grants.values("user_id"))


class RoleFilter(ChoiceFilter):
    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return _held(queryset, Q(role__in=list(values)))


class TeamFilter(ChoiceFilter):
    def clean(self, values: Sequence[str]) -> list[str]:
        return [value for value in super().clean(values) if len(value) == 36]

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return _held(queryset, Q(team_id__in=list(values)) | Q(team__isnull=True))


class StateFilter(ChoiceFilter):
    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(is_active__in=[value == "ACTIVE" for value in values])


def _teams(request: Any) -> list[tuple[str, str]]:
    return [(str(team.pk), team.name) for team in selectors.teams_managed(request.actor)]


def roles_attach(people: list[User]) -> None:
    """Give each person `role_words` and `seen_at`, in two queries for the page."""
    pks = [person.pk for person in people]
    words: dict[Any, list[str]] = {pk: [] for pk in pks}
    for grant in Grant.objects.filter(user_id__in=pks).select_related("team").order_by("team__name", "role"):
        if grant.until is None or grant.until > timezone.now():
            words[grant.user_id].append(f"{grant.get_role_display()}, {grant.team or 'whole site'}")
    seen = selectors.last_seen(pks)
    for person in people:
        person.role_words = "; ".join(words[person.pk])  # type: ignore[attr-defined]
        person.seen_at = seen.get(person.pk)  # type: ignore[attr-defined]


PEOPLE = Table(
    key="people",
    noun="person",
    label="People",
    columns=[
        Column("name", "Person", sort="username", value=str, link=True),
        Column("username", "User name", sort="username", format="code"),
        Column("email", "E-mail", sort="email"),
        Column("roles", "Roles", value="role_words", wrap=True),
        Column(
            "state", "State", sort="is_active", format="state", value=lambda p: "ACTIVE" if p.is_active else "REMOVED"
        ),
        Column("seen", "Last seen", value="seen_at", format="ago"),
        Column("joined", "Came", sort="date_joined", value="date_joined", format="day", default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find a person", ["username", "first_name", "last_name", "email"]),
        RoleFilter("role", "Role", ROLES),
        TeamFilter("team", "Team", _teams),
        StateFilter("state", "State", [("ACTIVE", "active"), ("REMOVED", "removed")]),
    ],
    default_sort="name",
    row_url=lambda person: reverse("person-detail", args=[person.pk]),
    empty_title="Nobody found",
    empty_text="No person fits these filters.",
)

TEAMS = Table(
    key="teams",
    noun="team",
    label="Teams",
    columns=[
        Column("name", "Team", sort="name", link=True),
        Column("people", "People with a role", format="count", value="people_count", sort="people_count"),
        Column("mfa", "Second factor to decide", sort="decide_needs_mfa", value="decide_needs_mfa", format="bool"),
        Column(
            "state",
            "State",
            format="state",
            value=lambda t: "ARCHIVED" if t.archived_at else "ACTIVE",
            sort="archived_at",
        ),
        Column("created", "Created", sort="created_at", value="created_at", format="day"),
    ],
    filters=[TextFilter("q", "Find a team", ["name", "slug"])],
    default_sort="name",
    row_url=lambda team: reverse("team-detail", args=[team.pk]),
    empty_title="No team yet",
    empty_text="A team shares problems, data and models; what belongs to one does not exist for another.",
)

INVITATIONS = Table(
    key="invitations",
    noun="invitation",
    label="Open invitations",
    columns=[
        Column("email", "E-mail", sort="email"),
        Column("team", "Team", sort="team__name"),
        Column("role", "Role", sort="role", value=lambda i: i.role.replace("_", " ").lower()),
        Column("by", "Invited by", value="invited_by_label"),
        Column("mail", "Mail", template="accounts/_invitation_mail.html"),
        Column("expires", "Ends", sort="expires_at", value="expires_at", format="day"),
        Column("do", "Change", template="accounts/_invitation_do.html"),
    ],
    filters=[TextFilter("q", "Find an invitation", ["email"])],
    default_sort="-expires",
    csv=False,
    empty_title="No open invitation",
    empty_text="An invitation leaves this list when it is accepted or withdrawn.",
)

__all__ = ["INVITATIONS", "PEOPLE", "TEAMS", "roles_attach"]
