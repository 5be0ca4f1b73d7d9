"""Who looks after the store: administrators and operators (the right "target.manage")."""

from __future__ import annotations

from apps.core.actors import Actor


def may_see_use(actor: Actor) -> bool:
    """May the actor see what the disk holds, of their teams at least?"""
    teams = actor.team_ids("target.manage")
    return teams is None or bool(teams)


def may_see_store(actor: Actor) -> bool:
    """May the actor see every stored file and start a check? For the whole site only."""
    return actor.team_ids("target.manage") is None
