"""Content-addressed files on the configured storage (file, S3, Google, Azure through django-storages).

A blob's name is its SHA-256, so the same bytes are stored once and a flipped byte is found by hashing again.
Access is never by hash alone: a view reaches a blob only through an object that its actor may see.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TypeVar

from django.core.files import File
from django.db import connection, transaction
from django.utils import timezone

from apps.core.blob_places import (
    OWN,
    blob_name,
    place_home,
    place_note,
    place_ready,
    place_storage,
    places_forget,
    places_noted,
    places_of,
    places_remembered,
)
from apps.core.blob_references import reference_exists
from apps.core.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from apps.core.models import StoredBlob
from apps.core.store_faults import store_used

CHUNK = 1024 * 1024
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Hash and size in bytes."""

    sha256: str
    size: int


def _name(sha256: str) -> str:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise Invalid("A content hash is 64 lower-case hexadecimal digits.")
    return blob_name(sha256)


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


def _note_write(ref: BlobRef, team_id: uuid.UUID | None) -> tuple[tuple[uuid.UUID, ...], bool]:
    """Note the write before the bytes are looked for, so that a collector either sees it or is over.

    The stores to write to, and whether a copy was found wrong, so that all are written anew. Raises Conflict.
    """
    with transaction.atomic():
        home = place_home(team_id)
        blob_lock(ref.sha256)
        held = StoredBlob.objects.filter(pk=ref.sha256).first()
        fault = held.fault if held else ""
        blob, _ = StoredBlob.objects.update_or_create(
            pk=ref.sha256, defaults={"size": ref.size, "written_at": timezone.now(), "fault": ""}
        )
        place_note(blob, home, new=held is None)
        if not fault:
            return (home,), False
        return tuple({home, *places_of(ref.sha256)}), True


def blob_hold(sha256: str, *, team_id: uuid.UUID | None = None) -> None:
    """In the transaction that writes a reference: keep the bytes from being collected until it commits.

    With the team that wrote them a moment ago, they must also lie in its own store. Raises Conflict when they were
    removed after they had been written: they must be sent again.
    """
    home = None if team_id is None else place_home(team_id)
    blob_lock(sha256)
    there = StoredBlob.objects.filter(pk=sha256).exists()
    if there and home is not None:
        there = home in places_of(sha256)
    if not there:
        raise Conflict("The same bytes were removed at this moment. Send them again.", code="bytes_removed")


def blob_write(chunks: Iterable[bytes], *, limit: int | None = None, team_id: uuid.UUID | None = None) -> BlobRef:
    """Stream `chunks` into the store of the team; memory stays flat. Nothing is left after a failure.

    Without a team they go into the installation's own store. Raises TooLarge past `limit` bytes, Conflict when the
    team's store takes no new bytes, Unavailable when it is away or full.

    Bytes that were found flipped are written anew. Whoever writes has the collector's grace time to refer to them.
    """
    place_home(team_id)  # what will be refused is refused before a byte is read
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
        places, mend = _note_write(ref, team_id)
        for place in places:
            copy_write(place, ref, spool, anew=mend)
            place_ready(ref.sha256, place)
    return ref


def copy_write(place: uuid.UUID, ref: BlobRef, spool: IO[bytes], *, anew: bool = False) -> None:
    """Put noted bytes into one store; what a write left there that broke off is replaced. Raises Unavailable."""
    store, name = place_storage(place), _name(ref.sha256)
    with store_used():
        there = store.exists(name)
        if there and (anew or store.size(name) != ref.size):
            store.delete(name)
            there = False
        if not there:
            spool.seek(0)
            saved = store.save(name, File(spool))
            if saved != name:
                store.delete(saved)  # another writer of the same bytes was faster


def blob_exists(sha256: str) -> bool:
    """Whether a store has the bytes. Raises Unavailable when that cannot be said."""
    return bool(_first(sha256, lambda place: _there(place, sha256)))


def _there(place: uuid.UUID, sha256: str) -> bool | None:
    with store_used():
        return place_storage(place).exists(_name(sha256)) or None


def blob_open(sha256: str) -> IO[bytes]:
    """Open for reading. Raises NotFound when the bytes are gone, Unavailable when the store is."""
    found = _first(sha256, lambda place: _open(place, sha256))
    if found is None:
        raise NotFound("The stored bytes are missing: the store has lost or purged them.")
    return found


def _open(place: uuid.UUID, sha256: str) -> IO[bytes] | None:
    try:
        with store_used():
            return place_storage(place).open(_name(sha256), "rb")
    except FileNotFoundError:
        return None


def _first(sha256: str, use: Callable[[uuid.UUID], Found | None]) -> Found | None:
    """What the first store gives that has the bytes; one that is away holds up no other.

    Where this process remembers them to be is asked first; bytes that were moved meanwhile are found by a second look,
    and the own store is asked in the end: a restored backup puts files there, whatever the rows say.
    """
    _name(sha256)
    away: Unavailable | None = None
    tried: set[uuid.UUID] = set()
    for look in (places_remembered, places_of, lambda _: (OWN,)):
        for place in look(sha256):
            if place in tried:
                continue
            tried.add(place)
            try:
                found = use(place)
            except Unavailable as error:
                away = error
                continue
            if found is not None:
                return found
    if away is not None:
        raise away
    return None


def blob_chunks(sha256: str) -> Iterator[bytes]:
    """Yield the bytes in pieces of 1 MiB."""
    with blob_open(sha256) as handle:
        yield from _pieces(handle)


def _pieces(handle: IO[bytes]) -> Iterator[bytes]:
    while chunk := _read(handle):
        yield chunk


def _read(handle: IO[bytes]) -> bytes:
    with store_used():
        return handle.read(CHUNK)


def copy_chunks(sha256: str, place: uuid.UUID) -> Iterator[bytes]:
    """The bytes as one store has them, in pieces of 1 MiB. Raises NotFound, Unavailable."""
    handle = _open(place, sha256)
    if handle is None:
        raise NotFound("The stored bytes are missing in that store.")
    with handle:
        yield from _pieces(handle)


def blob_copy_verify(sha256: str, place: uuid.UUID) -> bool:
    """Hash the copy of one store again; False when it differs or is missing. Raises Unavailable."""
    digest = hashlib.sha256()
    try:
        for chunk in copy_chunks(sha256, place):
            digest.update(chunk)
    except NotFound:
        return False
    return digest.hexdigest() == sha256


def blob_verify(sha256: str) -> bool:
    """Hash the stored bytes again, in every store that has them; False when one differs or is missing."""
    places = places_of(sha256)
    return bool(places) and all(blob_copy_verify(sha256, place) for place in places)


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
    places = places_noted(sha256)
    StoredBlob.objects.filter(pk=sha256).delete()
    places_forget(sha256)
    for place in places:
        with store_used():
            place_storage(place).delete(_name(sha256))
