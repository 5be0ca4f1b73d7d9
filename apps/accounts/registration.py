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


def _search(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """People and teams, for who manages them."""
    if not may_administer(actor):
        return
    for kind, pk, key, name in selectors.people_and_teams(actor, text, limit):
        if kind == "person":
            yield Hit("Person", name or key, key, reverse("person-detail", args=[pk]), "user")
        else:
            yield Hit("Team", name, key, reverse("team-detail", args=[pk]), "users")


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
    search_register("accounts", _search)
    command_register(Command("Invite a person", "invitation-create", "user-plus", may_administer))
    command_register(Command("Create a team", "team-create", "users-plus", may_administer_site))
    command_register(Command("Who can do this?", "roles-matrix", "shield", may_administer))
    command_register(Command("Create an API token", "token-create", "key", lambda actor: actor.is_person))
    command_register(Command("My sessions", "session-list", "device-desktop", lambda actor: actor.is_person))
    link_register("accounts.user", page_of("person-detail"), opens=may_administer)
    link_register("accounts.team", page_of("team-detail"), opens=may_administer)
