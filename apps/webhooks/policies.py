"""Who may send a team's events elsewhere."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.core.policies import require, who_can

VERB = "target.manage"


def webhook_manage(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor see and change the team's webhooks? Their addresses may hold keys, so seeing is part of it."""
    return actor.can(VERB, team_id)


def webhooks_open(actor: Actor) -> bool:
    """Does the actor manage webhooks somewhere: of the site, or of one team at least?"""
    teams = actor.team_ids(VERB)
    return teams is None or bool(teams)


def require_webhooks_open(actor: Actor) -> None:
    """Raise Forbidden unless `webhooks_open`."""
    require(webhooks_open(actor), f"Webhooks take the right “{VERB}”: {who_can(VERB)} has it.")


def require_webhook_manage(actor: Actor, team_id: uuid.UUID) -> None:
    """Raise Forbidden unless `webhook_manage`."""
    require(
        webhook_manage(actor, team_id),
        f"Webhooks take the right “{VERB}” in the team: {who_can(VERB)} has it.",
    )
