"""What rooms above tell the registry: which version of a model is live."""

from __future__ import annotations

import uuid
from collections.abc import Callable

LiveLookup = Callable[[uuid.UUID], uuid.UUID | None]
_live_lookup: list[LiveLookup] = []


def live_lookup_register(lookup: LiveLookup) -> None:
    """`lookup(model_id) -> version id or None`; registered by the room that deploys."""
    _live_lookup[:] = [lookup]


def live_version_id(model_id: uuid.UUID) -> uuid.UUID | None:
    """The version of a model that answers in production now; None when none does."""
    return _live_lookup[0](model_id) if _live_lookup else None
