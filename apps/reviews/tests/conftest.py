"""A store of its own for each test, and a registry of the live version that is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.registry import contracts as registry


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
