"""Who may see how the installation is."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.core.policies import require, who_can


def health_see(actor: Actor) -> bool:
    """May the actor see it? Addresses and names of machines stand there."""
    return actor.can("target.manage", None)


def require_health_see(actor: Actor) -> None:
    """Raise Forbidden unless `health_see`."""
    require(health_see(actor), f"This is for {who_can('target.manage')} of the whole site.")
