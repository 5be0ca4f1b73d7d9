"""Gapless numbers: taken under a lock on the parent row (invariant I3)."""

from __future__ import annotations

from typing import Any

from django.db import models


def parent_lock(parent: models.Model) -> None:
    """Lock `parent` as `number_next` does: for who takes another lock before a number of the same parent, so that all
    take them in one order.
    """
    # no_key: rows that point at the parent may be inserted meanwhile, else two writers would wait for each other.
    type(parent)._default_manager.select_for_update(of=("self",), no_key=True).only("pk").get(pk=parent.pk)


def number_next(parent: models.Model, rows: models.QuerySet[Any]) -> int:
    """Lock `parent`, then return one more than the highest `number` among `rows`.

    Must run inside a transaction; the lock makes parallel writers wait for each other.
    """
    parent_lock(parent)
    highest: int | None = rows.aggregate(top=models.Max("number"))["top"]
    return (highest or 0) + 1
