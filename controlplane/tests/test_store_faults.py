"""A store that cannot be used: one refusal that people can act on, and nothing half-noted as stored."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from apps.core.blobs import blob_exists, blob_open, blob_write
from apps.core.errors import NotFound, Unavailable
from apps.core.store_faults import store_used
from controlplane.settings.urls_of import SPOOL_BYTES, storage

pytestmark = pytest.mark.django_db


def nobody(settings: object) -> None:
    """A store on S3 at an address where nobody listens."""
    there = storage("s3://bucket/x?endpoint_url=http://127.0.0.1:9&access_key=a&secret_key=b&region_name=r")
    settings.STORAGES = {**settings.STORAGES, "blobs": there}  # type: ignore[attr-defined]


def test_a_store_that_does_not_answer_is_unavailable(settings):
    nobody(settings)

    for use in (lambda: blob_write([b"x"]), lambda: blob_exists("a" * 64), lambda: blob_open("a" * 64)):
        with pytest.raises(Unavailable, match="file store cannot be reached") as refused:
            use()
        assert refused.value.code == "store_away"


def test_a_full_disk_says_so_and_a_missing_file_stays_a_missing_file():
    with pytest.raises(Unavailable, match="full"), store_used():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), store_used():
        Path("/nowhere/at/all").read_bytes()


def test_a_closed_folder_is_unavailable_and_a_lost_file_is_not_found(settings, tmp_path):
    file = tmp_path / "not-a-folder"
    file.write_bytes(b"")
    settings.STORAGES = {**settings.STORAGES, "blobs": storage(f"file://{file}/below")}

    with pytest.raises(Unavailable):
        blob_write([b"y"])

    settings.STORAGES = {**settings.STORAGES, "blobs": storage(f"file://{tmp_path}/store")}
    with pytest.raises(NotFound):
        blob_open("b" * 64)


@pytest.mark.parametrize("url", ["s3://bucket/x?region_name=r", "gs://bucket/x"])
def test_what_is_read_from_a_cloud_waits_on_disk_not_in_memory(url):
    assert storage(url)["OPTIONS"]["max_memory_size"] == SPOOL_BYTES
