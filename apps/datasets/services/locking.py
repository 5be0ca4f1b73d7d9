"""Scope first, then a lock: the start of every service of this room."""

from __future__ import annotations

import re
import uuid
from typing import Any

from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.policies import require
from apps.datasets import policies, selectors
from apps.datasets.models import Dataset, DatasetVersion

_CONTROL = re.compile(r"[\x00\ud800-\udfff]")


def edit_require(actor: Actor, team_id: uuid.UUID) -> None:
    """Raises Forbidden, naming who may, unless the actor may edit data of the team."""
    require(
        policies.data_may_edit(actor, team_id),
        "Data is written by a data scientist of the team. An administrator can grant the role.",
    )


def dataset_lock(actor: Actor, dataset_id: uuid.UUID) -> Dataset:
    """The dataset, locked, for somebody who may edit it. Raises NotFound, Forbidden."""
    dataset = selectors.dataset_get(actor, dataset_id)
    edit_require(actor, dataset.team_id)
    rows = Dataset.objects.select_for_update(of=("self",)).select_related("team", "problem")
    locked: Dataset = rows.get(pk=dataset.pk)
    return locked


def version_lock(actor: Actor, version_id: uuid.UUID) -> DatasetVersion:
    """The version, locked, for somebody who may edit it. Raises NotFound, Forbidden."""
    version = selectors.dataset_version_get(actor, version_id)
    edit_require(actor, version.team_id)
    return version_locked(version.pk)


def version_locked(pk: uuid.UUID) -> DatasetVersion:
    """The row with its dataset, locked; scope is the caller's business."""
    return DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset__problem", "team").get(pk=pk)


def row_version_check(row_version: int | None, thing: Dataset | DatasetVersion) -> None:
    """Raises Conflict (code "stale") when the caller saw an older state."""
    if row_version is not None and row_version != thing.row_version:
        raise Conflict(
            "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
            code="stale",
            items=[{"row_version": thing.row_version, "given": row_version}],
        )


def text_clean(value: Any, field: str, limit: int, *, needed: bool = False, one_line: bool = True) -> str:
    """Trimmed text that can be stored. Raises Invalid at `field`."""
    if not isinstance(value, str) or _CONTROL.search(value):
        raise Invalid.field(field, "This text cannot be stored.")
    text: str = value.strip()
    if needed and not text:
        raise Invalid.field(field, "This is needed.")
    if len(text) > limit:
        raise Invalid.field(field, f"At most {limit} characters; this has {len(text)}.")
    if one_line and ("\n" in text or "\r" in text):
        raise Invalid.field(field, "This is one line.")
    return text
