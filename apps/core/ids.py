"""Identifiers: time-ordered UUIDs, so that primary keys sort by age and index pages stay warm."""

from __future__ import annotations

import uuid

from uuid_utils.compat import uuid7


def id_new() -> uuid.UUID:
    """Return a new UUIDv7 (RFC 9562)."""
    return uuid7()
