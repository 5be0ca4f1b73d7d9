"""Identifiers: time-ordered UUIDs, so that primary keys sort by age and index pages stay warm."""

from __future__ import annotations

import re
import uuid

from uuid_utils.compat import uuid7


def id_new() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562)."""
    return uuid7()


def id_read(text: str) -> uuid.UUID | None:
    """The id that MLflow's clients write as 32 hexadecimal digits; None for any other text."""
    return uuid.UUID(hex=text) if re.fullmatch(r"[0-9a-fA-F]{32}", text) else None
