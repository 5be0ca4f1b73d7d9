"""Content-addressed files on the configured storage (file, S3, Google, Azure through django-storages).

A blob's name is its SHA-256, so the same bytes are stored once and a flipped byte is found by hashing again.
Access is never by hash alone: a view reaches a blob only through an object that its actor may see.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from django.core.files import File
from django.core.files.storage import storages
from django.db import connection, transaction
from django.utils import timezone

from apps.core.blob_references import reference_exists
from apps.core.errors import Conflict, Invalid, NotFound, TooLarge
from apps.core.models import StoredBlob
from apps.core.store_faults import store_used

CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Hash and size in bytes."""

    sha256: str
    size: int


def _name(sha256: str) -> str:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise Invalid("A content hash is 64 lower-case hexadecimal digits.")
    return f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def blob_lock(sha256: str) -> None:
    """Within a transaction: nobody else writes, refers to or removes the bytes of this hash meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(sha256[:15], 16)])


def blob_lock_try(sha256: str) -> bool:
    """As `blob_lock`, but False at once when somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int(sha256[:15], 16)])
        taken: bool = cursor.fetchone()[0]
    return taken


def _note_write(ref: BlobRef) -> str:
    """Note the write before the bytes are looked for, so that a collector either sees it or is over. The old fault."""
    with transaction.atomic():
        blob_lock(ref.sha256)
        held = StoredBlob.objects.filter(pk=ref.sha256).first()
        fault = held.fault if held else ""
        StoredBlob.objects.update_or_create(
            pk=ref.sha256, defaults={"size": ref.size, "written_at": timezone.now(), "fault": ""}
        )
    return fault


def blob_hold(sha256: str) -> None:
    """In the transaction that writes a reference: keep the bytes from being collected until it commits.

    Raises Conflict when they were removed after they had been written: they must be sent again.
    """
    blob_lock(sha256)
    if not StoredBlob.objects.filter(pk=sha256).exists():
        raise Conflict("The same bytes were removed at this moment. Send them again.", code="bytes_removed")


def blob_write(chunks: Iterable[bytes], *, limit: int | None = None) -> BlobRef:
    """Stream `chunks` into the store; memory stays flat. Nothing is left after a failure.

    Raises TooLarge past `limit` bytes, Unavailable when the store is away or full.

    Bytes that were found flipped are written anew. Whoever writes has the collector's grace time to refer to them.
    """
    digest = hashlib.sha256()
    size = 0
    with tempfile.TemporaryFile(prefix="fairway-blob-") as spool:
        for chunk in chunks:
            size += len(chunk)
            if limit is not None and size > limit:
                raise TooLarge(f"The file is larger than the limit of {limit} bytes.")
            digest.update(chunk)
            with store_used():
                spool.write(chunk)
        ref = BlobRef(digest.hexdigest(), size)
        fault = _note_write(ref)
        with store_used():
            if fault == StoredBlob.Fault.FLIPPED:
                storages["blobs"].delete(_name(ref.sha256))
            if not blob_exists(ref.sha256):
                spool.seek(0)
                saved = storages["blobs"].save(_name(ref.sha256), File(spool))
                if saved != _name(ref.sha256):
                    storages["blobs"].delete(saved)  # another writer of the same bytes was faster
    return ref


def blob_exists(sha256: str) -> bool:
    """Whether the store has the bytes. Raises Unavailable when it cannot say."""
    with store_used():
        return storages["blobs"].exists(_name(sha256))


def blob_open(sha256: str) -> IO[bytes]:
    """Open for reading. Raises NotFound when the bytes are gone, Unavailable when the store is."""
    try:
        with store_used():
            return storages["blobs"].open(_name(sha256), "rb")
    except FileNotFoundError as error:
        raise NotFound("The stored bytes are missing: the store has lost or purged them.") from error


def blob_chunks(sha256: str) -> Iterator[bytes]:
    """Yield the bytes in pieces of 1 MiB."""
    with blob_open(sha256) as handle:
        while chunk := _read(handle):
            yield chunk


def _read(handle: IO[bytes]) -> bytes:
    with store_used():
        return handle.read(CHUNK)


def blob_verify(sha256: str) -> bool:
    """Hash the stored bytes again; False when they differ or are missing."""
    digest = hashlib.sha256()
    try:
        for chunk in blob_chunks(sha256):
            digest.update(chunk)
    except NotFound:
        return False
    return digest.hexdigest() == sha256


BlobHolder = Callable[[str], bool]
_holders: dict[str, BlobHolder] = {}


def blob_holder_register(room: str, holds: BlobHolder) -> None:
    """A room that stores blobs says whether a hash is still needed; asked before any bytes are removed."""
    _holders[room] = holds


def blob_held(sha256: str) -> bool:
    """Does any room still need these bytes?"""
    return any(holds(sha256) for holds in _holders.values()) or reference_exists(sha256)


def blob_release(sha256: str) -> None:
    """Remove bytes that nothing needs any more; what is still needed stays. Called once a reference has gone."""
    with transaction.atomic():
        blob_lock(sha256)
        if not blob_held(sha256) and blob_exists(sha256):
            blob_delete(sha256)


def blob_delete(sha256: str) -> None:
    """Remove the bytes. Only retention and clean-up call this, once they made sure that nothing refers to them."""
    StoredBlob.objects.filter(pk=sha256).delete()
    with store_used():
        storages["blobs"].delete(_name(sha256))
