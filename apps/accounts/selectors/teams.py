"""Reading teams and roles."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat, Trim
from django.utils import timezone

from apps.accounts.models import Grant, Team
from apps.accounts.selectors.people import user_list
from apps.core.actors import Actor
from apps.core.errors import NotFound

if TYPE_CHECKING:
    from django.http import HttpRequest


def team_list(actor: Actor) -> QuerySet[Team]:
    """Teams in which the actor holds any role, by name."""
    rows = Team.objects.filter(archived_at__isnull=True)
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(pk__in=team_ids)
    return rows.order_by("name", "id")


def people_and_teams(actor: Actor, text: str, limit: int) -> list[tuple[str, uuid.UUID, str, str]]:
    """Active people and teams that fit a search, at most `limit` of each, in one query.

    Each as ("person" or "team", id, user name or slug, full name or name).
    """
    people = user_list(actor, text=text, state="ACTIVE").order_by("username", "id")
    teams = team_list(actor).filter(name__icontains=text)
    full_name = Trim(Concat("first_name", Value(" "), "last_name"), output_field=CharField())
    found = people.values_list(Value("person"), "pk", "username", full_name)[:limit].union(
        teams.values_list(Value("team"), "pk", "slug", "name")[:limit], all=True
    )
    return list(found)


def team_get(actor: Actor, pk: uuid.UUID, *, archived: bool = False) -> Team:
    """A team in which the actor holds a role. Raises NotFound."""
    rows = Team.objects.filter(pk=pk)
    if not archived:
        rows = rows.filter(archived_at__isnull=True)
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(pk__in=team_ids)
    team = rows.first()
    if team is None:
        raise NotFound("There is no such team, or you may not see it.")
    return team


def team_table(actor: Actor) -> QuerySet[Team]:
    """As `team_list`, with archived teams for the site's administrators."""
    if actor.can("people.manage", None):
        return Team.objects.all()
    return team_list(actor)


def teams_managed(actor: Actor) -> QuerySet[Team]:
    """Teams whose people the actor manages, by name."""
    rows = Team.objects.filter(archived_at__isnull=True)
    team_ids = actor.team_ids("people.manage")
    if team_ids is not None:
        rows = rows.filter(pk__in=team_ids)
    return rows.order_by("name", "id")


def teams_of_request(request: HttpRequest) -> list[Team]:
    """Teams of the actor, asked once a request."""
    cached: list[Team] | None = getattr(request, "_fairway_teams", None)
    if cached is None:
        cached = list(team_list(request.actor))  # type: ignore[attr-defined]
        request._fairway_teams = cached  # type: ignore[attr-defined]
    return cached


def team_current(request: HttpRequest) -> Team | None:
    """The team in which the person works: the one chosen last, else the first; None without any."""
    teams = teams_of_request(request)
    last = getattr(request.user, "last_team_id", None)
    return next((team for team in teams if team.pk == last), teams[0] if teams else None)


def deciders_need_mfa(team_id: uuid.UUID) -> bool:
    """Does the team demand a second factor of those who decide?"""
    return Team.objects.filter(pk=team_id, decide_needs_mfa=True).exists()


def grant_list(actor: Actor, *, user_id: uuid.UUID | None = None, team_id: uuid.UUID | None = None) -> QuerySet[Grant]:
    """Grants the actor may see: of their teams and of the site."""
    rows = Grant.objects.select_related("user", "team")
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(Q(team_id__in=team_ids) | Q(team__isnull=True) | Q(user_id=actor.id))
    if user_id:
        rows = rows.filter(user_id=user_id)
    if team_id:
        rows = rows.filter(Q(team_id=team_id) | Q(team__isnull=True))
    return rows


def grants_held(actor: Actor, *, user_id: uuid.UUID | None = None) -> QuerySet[Grant]:
    """As `grant_list`, only roles that are held now: not ended, and of teams that are not archived."""
    return grant_list(actor, user_id=user_id).filter(
        Q(until__isnull=True) | Q(until__gt=timezone.now()),
        Q(team__isnull=True) | Q(team__archived_at__isnull=True),
    )


def grant_get(actor: Actor, pk: uuid.UUID) -> Grant:
    """One grant. Raises NotFound."""
    grant = grant_list(actor).filter(pk=pk).first()
    if grant is None:
        raise NotFound("There is no such role, or you may not see it.")
    return grant
