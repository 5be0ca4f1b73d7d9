"""Who may see and change storage backends."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.core.policies import require, who_can

VERB = "target.manage"


def stores_manage(actor: Actor) -> bool:
    """May the actor change stores? They are the installation's, so a role in one team is not enough."""
    return actor.can(VERB, None)


def require_stores_manage(actor: Actor) -> None:
    """Raise Forbidden unless `stores_manage`."""
    require(
        stores_manage(actor),
        f"Storage backends take the right “{VERB}” on the whole site: {who_can(VERB)} of the site has it.",
    )
