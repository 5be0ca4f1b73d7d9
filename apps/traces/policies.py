"""Who may write traces: people with the right to run jobs. Deleting is for good, so it takes the right to edit data."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.core.policies import require, who_can


def trace_write(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor send traces of this team, tag and assess them?"""
    return actor.can("job.run", team_id)


def require_trace_write(actor: Actor, team_id: uuid.UUID) -> None:
    require(
        trace_write(actor, team_id),
        f"Writing traces takes the right “job.run” in their team: {who_can('job.run')} has it.",
    )


def trace_delete(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor delete traces of this team for good?"""
    return actor.can("data.edit", team_id)


def require_trace_delete(actor: Actor, team_id: uuid.UUID) -> None:
    require(
        trace_delete(actor, team_id),
        f"Traces are deleted for good, which takes the right “data.edit” in their team: {who_can('data.edit')} has it.",
    )
