"""Optimistic locking: nobody overwrites what they have not seen."""

from __future__ import annotations

from django.db import models

from apps.core.errors import Conflict


def row_version_check(thing: models.Model, row_version: int | None) -> None:
    """Raise Conflict (code "stale") when the caller saw an older state of the row."""
    held: int = thing.row_version  # type: ignore[attr-defined]
    if row_version is not None and row_version != held:
        raise Conflict(
            "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
            code="stale",
            items=[{"row_version": held, "given": row_version}],
        )
