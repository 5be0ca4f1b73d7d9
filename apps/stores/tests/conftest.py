"""A store of the installation for each test, objects that need bytes, and a server that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from apps.core import blob_references
from apps.core.blob_references import BlobSource, blob_source_register


@pytest.fixture
def own(settings, tmp_path: Path) -> Path:
    """The folder of the installation's own store."""
    folder = tmp_path / "own"
    folder.mkdir()
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "blobs": backend, "default": backend}
    return folder


@pytest.fixture
def notes() -> Iterator[None]:
    """A kind of object that refers to blobs: the table `test_notes`, registered for one test."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_notes (team_id uuid, sha256 text, id uuid, name text)")
    kept = dict(blob_references._sources)
    blob_source_register(
        BlobSource(
            "test.note",
            "note",
            "SELECT team_id, sha256, id AS object_id, name AS object_label FROM test_notes",
            lambda pk: f"/notes/{pk}",
        )
    )
    yield
    blob_references._sources.clear()
    blob_references._sources.update(kept)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_notes")
