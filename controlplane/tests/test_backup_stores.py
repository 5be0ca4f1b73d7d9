"""A backup holds the files of every store, and what is restored is read though its store is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.accounts.tests.factories import team_make
from apps.core.blob_places import places_forget
from apps.core.blobs import blob_chunks
from apps.stores.services.opening import storage_forget
from apps.stores.tests.factories import file_of, healthy_make, home_give
from controlplane.backup.dump import BackupFailed
from controlplane.backup.files import files_in, files_out

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own(settings, tmp_path: Path) -> Path:
    """The installation's own store."""
    folder = tmp_path / "own"
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "blobs": backend, "default": backend}
    return folder


def test_files_of_every_store_are_backed_up_and_read_after_a_restore_without_it(tmp_path):
    here, elsewhere, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    home_give(elsewhere, there)
    one, two = file_of(here, b"here"), file_of(elsewhere, b"there")

    copied = files_out(tmp_path / "backup", lambda text: None)
    (tmp_path / "there").rename(tmp_path / "lost")
    storage_forget(there.pk)
    with pytest.raises(BackupFailed, match="is its disk mounted"):
        files_out(tmp_path / "again", lambda text: None)
    files_in(tmp_path / "backup", copied)
    places_forget(two)

    assert copied == {one: 4, two: 5}
    assert b"".join(blob_chunks(two)) == b"there"
