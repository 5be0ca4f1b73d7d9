"""Live topics of this room: `job.<id>` (what happened, line by line) and `team.<id>` (how many jobs are open)."""

from __future__ import annotations

import time
import uuid
from typing import Any

from apps.core.actors import Actor
from apps.core.topics import Topic, topic_register
from apps.jobs.models import Job
from apps.jobs.selectors import job_replay, running_count


def _uuid(key: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def _job_follow(actor: Actor, key: str) -> bool:
    job_id = _uuid(key)
    return job_id is not None and Job.objects.visible_to(actor).filter(pk=job_id).exists()


def _job_replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    return job_replay(uuid.UUID(key), after)


def _team_follow(actor: Actor, key: str) -> bool:
    team_id = _uuid(key)
    return team_id is not None and actor.can("view", team_id)


def _team_replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    # A count has no sequence of its own; the clock gives it one that always rises.
    seq = max(int(time.time() * 1000), after + 1)
    count = running_count(actor, uuid.UUID(key))
    return seq, [{"seq": seq, "kind": "jobs", "data": {"running": count}}]


def topics_register() -> None:
    topic_register(Topic("job", _job_follow, _job_replay))
    topic_register(Topic("team", _team_follow, _team_replay, snapshot=True))
