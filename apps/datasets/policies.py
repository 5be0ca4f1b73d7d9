"""Who may do what with data."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor


def data_may_edit(actor: Actor, team_id: uuid.UUID) -> bool:
    """Data scientists of the team upload, describe and withdraw data."""
    return actor.can("data.edit", team_id)
