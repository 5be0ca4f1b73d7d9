"""What several kinds of tests share: one live product, and the demo as data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.stack import live_stack
from tests.snapshot import snapshot_load, snapshot_shared

__all__ = ["live_stack"]


@pytest.fixture(scope="session")
def demo_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The demo's rows and files, taken once per run, also when several processes share the tests."""
    base = tmp_path_factory.getbasetemp()
    yield from snapshot_shared(base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base)


@pytest.fixture
def demo(db: None, demo_snapshot: Path) -> None:
    """A database that holds the demo, within the test's transaction."""
    snapshot_load(demo_snapshot)
