"""Doors through which upper rooms take part in what happens to people."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.core.actors import Actor, Role

if TYPE_CHECKING:
    from apps.accounts.models import User


# Short names that no team has: they mean something else where MLflow's clients name a workspace.
RESERVED_SLUGS = frozenset({"default", "workspaces", "api", "ajax-api", "static-files"})


@dataclass(frozen=True, slots=True)
class RemovalHook:
    """What an upper room ends when a person leaves (invariant I32).

    `preview(user) -> sentences` says what would end; `end(actor, user)` ends it, inside the same transaction.
    """

    preview: Callable[[User], Iterable[str]]
    end: Callable[[Actor, User], None]


_removals: dict[str, RemovalHook] = {}


def removal_hook_register(key: str, hook: RemovalHook) -> None:
    """Called from a room's `AppConfig.ready()`."""
    _removals[key] = hook


def removal_hooks() -> list[RemovalHook]:
    return [_removals[key] for key in sorted(_removals)]


GrantGuard = Callable[[Actor, "User", "uuid.UUID | None", Role], "str | None"]
_guards: dict[str, GrantGuard] = {}


def grant_guard_register(key: str, guard: GrantGuard) -> None:
    """An upper room may refuse a grant: `guard(actor, user, team_id, role)` returns a sentence, or None.

    Reviews register here that the author of an open request cannot change who decides on it (invariant I10).
    """
    _guards[key] = guard


def grant_refusals(actor: Actor, user: User, team_id: uuid.UUID | None, role: Role) -> list[str]:
    """Every reason why an upper room refuses this grant."""
    found = (guard(actor, user, team_id, role) for guard in _guards.values())
    return [sentence for sentence in found if sentence]
