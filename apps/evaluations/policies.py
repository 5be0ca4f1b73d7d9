"""Who may evaluate."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor


def evaluation_launch(actor: Actor, team_id: uuid.UUID) -> bool:
    """An evaluation is a job."""
    return actor.can("job.run", team_id)
