"""Who may see, use and change compute targets."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.core.policies import require, who_can

VERB = "target.manage"


def targets_manage(actor: Actor) -> bool:
    """May the actor change targets? They are the installation's, so a role in one team is not enough."""
    return actor.can(VERB, None)


def require_targets_manage(actor: Actor) -> None:
    """Raise Forbidden unless `targets_manage`."""
    require(
        targets_manage(actor),
        f"Compute targets take the right “{VERB}” on the whole site: {who_can(VERB)} of the site has it.",
    )
