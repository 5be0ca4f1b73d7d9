"""Copying one blob from a store into another, and letting go of a copy: the two steps of every move.

Either may be killed at any moment and done again: a copy counts only once it was read back and hashed, and a copy is
removed only while another store has the bytes.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable

from django.db import transaction

from apps.core.blob_places import place_drop, place_lock, place_note, place_ready, places_noted, places_of
from apps.core.blobs import BlobRef, blob_copy_verify, blob_lock, copy_chunks, copy_write
from apps.core.errors import Conflict, NotFound
from apps.core.models import StoredBlob
from apps.core.store_faults import store_used


class NotWhole(Exception):
    """The bytes are missing in their store, or are not those that their name promises; nothing was changed."""


def blob_copy(sha256: str, *, source: uuid.UUID, target: uuid.UUID, takes: Callable[[], None]) -> bool:
    """Have the bytes in `target` as well; False when the blob is no more. One that is there already stays.

    `takes` raises Conflict when the target takes no bytes; it is asked while nobody can close the target. Raises
    NotWhole, Conflict, and Unavailable when a store is away.
    """
    if target in places_of(sha256):
        return True
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile(prefix="fairway-move-") as spool:
        try:
            for chunk in copy_chunks(sha256, source):
                digest.update(chunk)
                size += len(chunk)
                with store_used():
                    spool.write(chunk)
        except NotFound as error:
            raise NotWhole("the store does not have it any more") from error
        if digest.hexdigest() != sha256:
            raise NotWhole("its bytes are not those that were stored")
        with transaction.atomic():
            place_lock(target, alone=False)
            takes()
            blob_lock(sha256)
            blob = StoredBlob.objects.filter(pk=sha256).first()
            if blob is None:
                return False
            place_note(blob, target, new=False)
        copy_write(target, BlobRef(sha256, size), spool, anew=True)
    if not blob_copy_verify(sha256, target):
        raise NotWhole("it came out of the new store otherwise than it went in")
    place_ready(sha256, target)
    return True


def blob_let_go(sha256: str, *, source: uuid.UUID, target: uuid.UUID, needed: Callable[[str], bool]) -> bool:
    """Remove the copy of `source`, unless somebody else needs it there (`needed`, asked under the lock).

    True when it is gone. Raises Conflict when `target` does not have the bytes, Unavailable.
    """
    with transaction.atomic():
        blob_lock(sha256)
        if source not in places_noted(sha256):
            return True
        if target not in places_of(sha256):
            raise Conflict("The bytes are not in the other store.", code="not_copied")
        if needed(sha256):
            return False
        place_drop(sha256, source)
    return True
