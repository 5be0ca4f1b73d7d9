"""Who may register and change models."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor


def model_register(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor register models and versions in this team?"""
    return actor.can("model.register", team_id)
