"""Who may bring code, and who may remove environments."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.policies import require, who_can

VERB = "job.run"


def code_bring(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor store code in this team and have environments built? It is run by jobs, so that is the right."""
    return actor.is_person and actor.can(VERB, team_id)


def require_code_bring(actor: Actor, team_id: uuid.UUID) -> None:
    """Raise Forbidden unless `code_bring`."""
    require(
        code_bring(actor, team_id),
        f"Bringing code takes the right “{VERB}” in the team: {who_can(VERB)} has it. An administrator can grant it.",
    )


def require_code_store(actor: Actor, team_id: uuid.UUID) -> None:
    """As `require_code_bring`, but NotFound for a team that the actor does not see: asked before a byte is read."""
    teams = actor.team_ids()
    if teams is not None and team_id not in teams:
        raise NotFound("There is no such team, or you may not see it.")
    require_code_bring(actor, team_id)
