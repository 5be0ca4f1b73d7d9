"""Who may search."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.training.policies import code_launch


def sweep_run(actor: Actor, team_id: uuid.UUID) -> bool:
    """A sweep launches in the name of a person, as that person may launch code: it takes the right to run jobs."""
    return code_launch(actor, team_id)
