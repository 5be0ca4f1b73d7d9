"""Where bytes wait and live: parts of uploads, and the content-addressed files that versions point to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Q

from apps.core.blobs import CHUNK, blob_chunks, blob_release
from apps.core.errors import NotFound
from apps.core.store_faults import store_used
from apps.datasets.models import DatasetVersion

_SHOWN = 300


def part_name(upload_id: uuid.UUID, offset: int) -> str:
    """Name of one part in the store; sorted names are in file order."""
    return f"uploads/{upload_id}/{offset:013d}"


def part_write(upload_id: uuid.UUID, offset: int, data: bytes) -> None:
    """Store one part; a part of that name from an attempt that failed is replaced. Raises Unavailable."""
    store, name = storages["blobs"], part_name(upload_id, offset)
    with store_used():
        if store.exists(name):
            store.delete(name)
        store.save(name, ContentFile(data))


def parts_chunks(upload_id: uuid.UUID, offsets: Iterable[int]) -> Iterator[bytes]:
    """The bytes of an upload in order, in pieces of 1 MiB. Raises NotFound when a part is gone."""
    for offset in offsets:
        try:
            with storages["blobs"].open(part_name(upload_id, offset), "rb") as handle:
                while chunk := handle.read(CHUNK):
                    yield chunk
        except FileNotFoundError as error:
            raise NotFound("A stored part of the upload is missing. Begin the upload again.") from error


def parts_delete(upload_id: uuid.UUID, offsets: Iterable[int]) -> None:
    """Remove the parts, and the folder where the store has folders."""
    store = storages["blobs"]
    for offset in offsets:
        store.delete(part_name(upload_id, offset))
    folder = f"uploads/{upload_id}"
    try:
        _, files = store.listdir(folder)
    except (FileNotFoundError, NotImplementedError):
        return
    for name in files:
        store.delete(f"{folder}/{name}")
    store.delete(folder)


def version_holds(sha256: str) -> bool:
    """Does a version of any dataset need these bytes? (asked by `apps.core.blobs.blob_held`)"""
    return (
        DatasetVersion.objects.filter(Q(content_digest=sha256) | Q(table_sha256=sha256), purged_at__isnull=True)
        .exclude(state=DatasetVersion.State.FAILED, error__bytes_kept=False)
        .exists()
    )


def bytes_release(sha256: str) -> None:
    """Remove bytes that nothing needs any more; what is still needed stays."""
    if not sha256:
        return
    blob_release(sha256)


def lines_around(sha256: str, line: int) -> list[list[object]]:
    """The first line, and the given one (from 1) with a neighbour on either side, each cut to 300 characters.

    Reads the stored text up to that line in pieces; memory stays flat.
    """
    wanted = {1, line - 1, line, line + 1}
    found: dict[int, str] = {}
    number, rest = 1, b""
    for chunk in blob_chunks(sha256):
        pieces = (rest + chunk).split(b"\n")
        rest = pieces.pop()[: 4 * CHUNK]
        for piece in pieces:
            if number in wanted:
                found[number] = (
                    piece[: 4 * _SHOWN].decode("utf-8", "replace").rstrip("\r").replace("\x00", "␀")[:_SHOWN]
                )
            number += 1
        if number > line + 1:
            break
    if rest and number in wanted:
        found[number] = rest[: 4 * _SHOWN].decode("utf-8", "replace").rstrip("\r").replace("\x00", "␀")[:_SHOWN]
    return [[n, found[n]] for n in sorted(found)]
