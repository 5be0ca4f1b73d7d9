"""What several kinds of tests share: live products, and the demo as data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.product import Product, product_open
from tests.flows.stack import live_stack
from tests.snapshot import snapshot_load, snapshot_shared

__all__ = ["live_stack"]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def product(request: pytest.FixtureRequest, run_folder: Path) -> Iterator[Product]:
    """The whole product, live, with the demo: for the browser tests, and after them for stories about the demo."""
    with product_open(request.config.getoption("--at", default=None), run_folder) as product:
        yield product


@pytest.fixture(scope="session")
def demo_snapshot(run_folder: Path) -> Path:
    """The demo's rows and files, taken once per run, also when several processes share the tests."""
    return snapshot_shared(run_folder)


@pytest.fixture
def demo(db: None, demo_snapshot: Path) -> None:
    """A database that holds the demo, within the test's transaction."""
    snapshot_load(demo_snapshot)
