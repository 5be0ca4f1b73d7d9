"""Who may launch training."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor


def training_launch(actor: Actor, team_id: uuid.UUID) -> bool:
    """Training runs a job and registers a model, so it takes both rights."""
    return actor.can("job.run", team_id) and actor.can("model.register", team_id)


def code_launch(actor: Actor, team_id: uuid.UUID) -> bool:
    """People's own code runs as a job, so that right is enough; registering what it logs takes `training_launch`."""
    return actor.is_person and actor.can("job.run", team_id)
