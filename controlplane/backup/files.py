"""The stored files: listed, copied out and in, each hashed on its way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from django.core.files.storage import Storage, storages

from apps.core.blob_places import blobs_elsewhere
from apps.core.blobs import CHUNK, blob_chunks, blob_write
from apps.core.errors import Unavailable
from controlplane.backup.dump import BackupFailed

Say = Callable[[str], None]


def stored_hashes() -> Iterator[str]:
    """The names of all blobs: what the own store lists, then what lies in further stores alone."""
    store = storages["blobs"]
    for first in _folders(store, "blobs"):
        for second in _folders(store, f"blobs/{first}"):
            _, names = store.listdir(f"blobs/{first}/{second}")
            yield from sorted(names)
    yield from blobs_elsewhere()


def _folders(store: Storage, path: str) -> list[str]:
    try:
        folders, _ = store.listdir(path)
    except FileNotFoundError:
        return []
    return sorted(folders)


def files_out(folder: Path, say: Say) -> dict[str, int]:
    """Copy every blob to `folder`; returns {sha256: size}. Raises BackupFailed for a flipped byte."""
    copied: dict[str, int] = {}
    for sha256 in stored_hashes():
        target = folder / sha256[:2] / sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as handle:
            try:
                for chunk in blob_chunks(sha256):
                    digest.update(chunk)
                    size += len(chunk)
                    handle.write(chunk)
            except Unavailable as error:
                raise BackupFailed(f"The file {sha256} cannot be read now: {error.detail}") from error
        if digest.hexdigest() != sha256:
            raise BackupFailed(f"The stored file {sha256} does not have the bytes that its name promises.")
        copied[sha256] = size
        if len(copied) % 200 == 0:
            say(f"{len(copied)} files")
    return copied


def files_check(folder: Path, wanted: dict[str, int]) -> None:
    """Hash every file of a backup. Raises BackupFailed at the first that is missing or differs."""
    for sha256, size in wanted.items():
        path = folder / sha256[:2] / sha256
        if not path.is_file() or path.stat().st_size != size:
            raise BackupFailed(f"The file {sha256} of the backup is missing or cut short.")
        if _hash(path) != sha256:
            raise BackupFailed(f"The file {sha256} of the backup was altered.")


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def files_in(folder: Path, wanted: dict[str, int]) -> int:
    """Copy the files of a backup into the store; those that stand already are left. Returns how many."""
    for sha256 in wanted:
        with (folder / sha256[:2] / sha256).open("rb") as handle:
            blob_write(iter(lambda: handle.read(CHUNK), b""))
    return len(wanted)
