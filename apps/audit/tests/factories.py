"""Actors made by hand, and people for page tests: this room lies below the one that knows people."""

from __future__ import annotations

import uuid
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model

from apps.core.actors import Actor, ActorKind, Role, RoleGrant


def actor_of(role: Role, team_id: uuid.UUID | None = None, **more: Any) -> Actor:
    """Somebody with one role in a team, or on the whole site."""
    person_id = uuid.uuid4()
    return Actor(
        kind=more.pop("kind", ActorKind.USER),
        id=person_id,
        label=f"person {person_id.hex[:6]}",
        grants=frozenset({RoleGrant(role, team_id)}),
        **more,
    )


def team_row() -> Any:
    """A team that a grant can point to."""
    name = uuid.uuid4().hex
    return apps.get_model("accounts.Team").objects.create(name=name, slug=name)


def person_row(role: Role, team: Any = None) -> Any:
    """A person who can be signed in, with one role."""
    name = uuid.uuid4().hex[:12]
    user = get_user_model().objects.create(username=name, email=f"{name}@example.org")
    apps.get_model("accounts.Grant").objects.create(user=user, team=team, role=role.value)
    return user
