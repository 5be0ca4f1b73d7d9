"""Whole stories on real PostgreSQL and Valkey with real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Actor, Role
from tests.flows.processes import Processes


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """The broker, with empty task queues: what other tests left there is no part of this story."""
    client = redis.Redis.from_url(settings.REDIS_PY_URL)
    client.delete("default", "jobs")
    yield client
    client.delete("default", "jobs")
    client.close()


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path, broker: redis.Redis) -> Iterator[Processes]:
    """Starts real processes on the test's database; all are ended afterwards."""
    stack = Processes(tmp_path)
    try:
        yield stack
    finally:
        stack.end()


@pytest.fixture
def person(transactional_db: None) -> tuple[Actor, Team]:
    """A data scientist and the team of theirs."""
    team = team_make()
    return actor_make(Role.DATA_SCIENTIST, team), team
