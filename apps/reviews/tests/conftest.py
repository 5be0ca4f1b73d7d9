"""A store of its own for each test, and a registry of the live version that is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.registry import contracts as registry
from apps.reviews.contracts import _listeners, approval_listener_register
from apps.reviews.models import ApprovalRequest


@pytest.fixture(autouse=True)
def store(settings, tmp_path: Path) -> Path:
    """The folder behind the blob store of this test."""
    folder = tmp_path / "store"
    folder.mkdir()
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "blobs": backend, "default": backend}
    return folder


@pytest.fixture(autouse=True)
def live_lookup() -> Iterator[None]:
    """What a test registers as live does not outlive it."""
    before = list(registry._live_lookup)
    yield
    registry._live_lookup[:] = before


@pytest.fixture
def heard():
    """What a room above would be told; its registration does not outlive the test."""
    told: list[tuple[str, ApprovalRequest]] = []
    before = list(_listeners)
    approval_listener_register(
        on_approved=lambda actor, request: told.append(("approved", request)),
        on_withdrawn=lambda actor, request: told.append(("withdrawn", request)),
    )
    yield told
    _listeners[:] = before
