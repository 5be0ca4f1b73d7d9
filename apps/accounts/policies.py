"""Who may do what. The table of roles and verbs is `apps.core.actors.VERB_ROLES`."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor


def can(actor: Actor, verb: str, team_id: uuid.UUID | None) -> bool:
    """May the actor do `verb` in the team (None: on the whole site)?"""
    return actor.can(verb, team_id)
