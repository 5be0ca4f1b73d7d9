"""What this room says about itself to the frame: the rail's Admin entry, search, commands, links of its things."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse

from apps.accounts import selectors
from apps.accounts.policies import may_administer, may_administer_site
from apps.core.actors import Actor
from apps.core.links import link_register, page_of
from apps.core.registries import (
    AdminTab,
    Command,
    Hit,
    NavEntry,
    admin_tab_register,
    command_register,
    navigation_register,
    search_register,
)


def _search_people(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    if not may_administer(actor):
        return []
    rows = selectors.user_list(actor, text=text, state="ACTIVE").order_by("username", "id")[:limit]
    return [
        Hit(
            kind="Person",
            label=str(user),
            detail=user.username,
            url=reverse("person-detail", args=[user.pk]),
            icon="user",
        )
        for user in rows
    ]


def _search_teams(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    if not may_administer(actor):
        return []
    rows = selectors.team_list(actor).filter(name__icontains=text)[:limit]
    return [
        Hit(kind="Team", label=team.name, detail=team.slug, url=reverse("team-detail", args=[team.pk]), icon="users")
        for team in rows
    ]


def register() -> None:
    """Called once from `AppConfig.ready()`."""
    navigation_register(
        NavEntry(
            key="admin",
            label="Admin",
            icon="users",
            url_name="person-list",
            order=110,
            shortcut="s",
            visible=lambda actor, team_id: may_administer(actor),
        )
    )
    admin_tab_register(
        AdminTab("people", "People", "person-list", 10, may_administer),
        AdminTab("teams", "Teams", "team-list", 20, may_administer),
        AdminTab("invitations", "Invitations", "invitation-list", 30, may_administer),
        AdminTab("roles", "Who can do this?", "roles-matrix", 40, may_administer),
    )
    search_register("people", _search_people)
    search_register("teams", _search_teams)
    command_register(Command("Invite a person", "invitation-create", "user-plus", may_administer))
    command_register(Command("Create a team", "team-create", "users-plus", may_administer_site))
    command_register(Command("Who can do this?", "roles-matrix", "shield", may_administer))
    command_register(Command("Create an API token", "token-create", "key", lambda actor: actor.is_person))
    command_register(Command("My sessions", "session-list", "device-desktop", lambda actor: actor.is_person))
    link_register("accounts.user", page_of("person-detail"), opens=may_administer)
    link_register("accounts.team", page_of("team-detail"), opens=may_administer)
