"""Helpers for policies: rooms write functions (actor, thing) -> bool, services call `require` first."""

from __future__ import annotations

import uuid
from typing import Protocol

from apps.core.actors import VERB_ROLES, Actor
from apps.core.errors import Forbidden


class TeamThing(Protocol):
    """Anything that belongs to a team."""

    @property
    def team_id(self) -> uuid.UUID: ...


_ROLE_WORDS = {
    "VIEWER": "a viewer",
    "DATA_SCIENTIST": "a data scientist",
    "PRODUCT_OWNER": "a product owner",
    "OPERATOR": "an operator",
    "ADMINISTRATOR": "an administrator",
    "AUDITOR": "an auditor",
}


def who_can(*verbs: str) -> str:
    """Name the roles that hold one of the verbs, as words: "a product owner or an operator"."""
    roles = frozenset().union(*(VERB_ROLES.get(verb, frozenset()) for verb in verbs))
    words = [_ROLE_WORDS[r] for r in _ROLE_WORDS if r in roles]
    if not words:
        return "nobody"
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def require(allowed: bool, detail: str, *, code: str = "forbidden") -> None:
    """Raise Forbidden with a sentence that says who can, unless `allowed`."""
    if not allowed:
        raise Forbidden(detail, code=code)


def require_verb(actor: Actor, verb: str, thing: TeamThing) -> None:
    """Raise Forbidden unless the actor holds `verb` in the team of `thing`."""
    require(
        actor.can(verb, thing.team_id),
        f"This takes the right “{verb}” in the team: {who_can(verb)} has it. An administrator can grant it.",
    )


def require_verb_in(actor: Actor, verb: str, team_id: uuid.UUID | None) -> None:
    """As `require_verb`, for a team given by id (None: the site)."""
    require(
        actor.can(verb, team_id),
        f"This takes the right “{verb}” in the team: {who_can(verb)} has it. An administrator can grant it.",
    )
