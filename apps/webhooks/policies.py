"""Who may send a team's events elsewhere."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.core.policies import require, who_can

VERB = "target.manage"


def webhook_manage(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor see and change the team's webhooks? Their addresses may hold keys, so seeing is part of it."""
    return actor.can(VERB, team_id)


def require_webhook_manage(actor: Actor, team_id: uuid.UUID) -> None:
    """Raise Forbidden unless `webhook_manage`."""
    require(
        webhook_manage(actor, team_id),
        f"Webhooks take the right “{VERB}” in the team: {who_can(VERB)} has it.",
    )
