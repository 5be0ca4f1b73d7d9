"""The live topic `sweep.<id>`: how many of its trials stand where."""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.db.models import Max, Sum

from apps.core.actors import Actor
from apps.core.topics import Topic, topic_register
from apps.sweeps.models import Sweep, Trial


def mark_of(sweep_id: uuid.UUID) -> str:
    """Changes with every change of the sweep or of a trial."""
    found = Sweep.objects.filter(pk=sweep_id).values_list("state", "row_version").first() or ("", 0)
    trials = Trial.objects.filter(sweep_id=sweep_id).aggregate(versions=Sum("row_version"), newest=Max("number"))
    running = Trial.objects.filter(sweep_id=sweep_id, state=Trial.State.RUNNING).count()
    return f"{found[0]}.{found[1]}.{trials['versions'] or 0}.{trials['newest'] or 0}.{running}"


def _follow(actor: Actor, key: str) -> bool:
    try:
        sweep_id = uuid.UUID(key)
    except ValueError:
        return False
    return Sweep.objects.visible_to(actor).filter(pk=sweep_id).exists()


def _replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    # How things are now has no sequence of its own; the clock gives it one that always rises.
    seq = max(int(time.time() * 1000), after + 1)
    return seq, [{"seq": seq, "kind": "sweep", "data": {"mark": mark_of(uuid.UUID(key))}}]


def topics_register() -> None:
    topic_register(Topic("sweep", _follow, _replay, snapshot=True))
