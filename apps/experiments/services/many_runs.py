"""The same done to many runs at once: all of them or none."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from django.db import transaction

from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.experiments import selectors
from apps.experiments.services.measurements import tags_set
from apps.experiments.services.purging import run_purge
from apps.experiments.services.runs import run_archive

MOST = 200


def runs_archive(*, actor: Actor, run_ids: Sequence[uuid.UUID], archived: bool = True) -> int:
    """Take runs out of the lists, or put them back; how many there are. Raises NotFound, Forbidden, Invalid."""
    with transaction.atomic():
        for run_id in _ordered(run_ids):
            run_archive(actor=actor, run_id=run_id, archived=archived)
    return len(run_ids)


def runs_tag(*, actor: Actor, run_ids: Sequence[uuid.UUID], tags: Mapping[str, str]) -> int:
    """Set the same tags on runs, sealed ones too; how many there are.

    Raises NotFound, Forbidden, Invalid (also for a run that is archived).
    """
    with transaction.atomic():
        for run_id in _ordered(run_ids):
            tags_set(actor=actor, run_id=run_id, tags=tags)
    return len(run_ids)


def runs_purge(*, actor: Actor, run_ids: Sequence[uuid.UUID], reason: str, confirm: str) -> int:
    """Remove the files of runs from which nothing was made; params, metrics, paths and hashes stay.

    `confirm` repeats how many there are ("3 runs"). Raises NotFound, Forbidden, Invalid, and Conflict for a run that
    goes on or that something rests on: such files are looked at and removed one run at a time.
    """
    words = f"{len(set(run_ids))} run{'' if len(set(run_ids)) == 1 else 's'}"
    if confirm.strip() != words:
        raise Invalid.field("confirm", f"Type “{words}” to confirm.")
    with transaction.atomic():
        for run_id in _ordered(run_ids):
            run = selectors.run_get(actor, run_id)
            if run.sealed_at is not None or run.cited_at is not None:
                raise Conflict(f"Something rests on run “{run.name}”.", code="needed")
            run_purge(actor=actor, run_id=run_id, reason=reason, confirm=run.name)
    return len(run_ids)


def _ordered(run_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """In one order for everybody, so that two who do this at once wait for each other and never in a circle."""
    if not 1 <= len(run_ids) <= MOST:
        raise Invalid.field("selected", f"Choose 1 to {MOST} runs.")
    return sorted(set(run_ids))
