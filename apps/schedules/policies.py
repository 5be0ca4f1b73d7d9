"""Who may let something begin by itself."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor


def schedule_edit(actor: Actor, team_id: uuid.UUID) -> bool:
    """A schedule runs jobs in the name of a person, so it takes that right, and a person."""
    return actor.is_person and actor.can("job.run", team_id)
