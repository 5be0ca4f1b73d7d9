"""In which stores the bytes of a blob lie, and which store new bytes of a team go to.

The installation's own store is always there. A room that keeps records of further ones registers itself; without it,
and for every blob that no row tells of, there is only the own one. Each store has copies of its own: the same bytes of
two teams in two stores are stored twice, so that none depends on the other's.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping

from django.core.files.storage import Storage, storages
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.core.models import BlobPlace, StoredBlob
from apps.core.store_faults import store_used

OWN = uuid.UUID(int=1)
"""The id of the installation's own store (STORAGE_URL)."""

REMEMBER_SECONDS = 30.0
_REMEMBER_MOST = 20_000

HomeOf = Callable[[uuid.UUID], uuid.UUID]
"""The store that takes new bytes of a team; it raises Conflict, saying who can do what, when it takes none now."""
StorageOf = Callable[[uuid.UUID], Storage]
"""A store by its id. Raises Unavailable when it cannot be opened."""
KeptDays = Callable[[], Mapping[uuid.UUID, int]]
"""Days for which each store keeps bytes that nothing refers to."""

_home_of: HomeOf | None = None
_storage_of: StorageOf | None = None
_kept_days: KeptDays | None = None
_lock = threading.Lock()
_seen: dict[str, tuple[float, tuple[uuid.UUID, ...]]] = {}


def places_register(*, home_of: HomeOf, storage_of: StorageOf, kept_days: KeptDays) -> None:
    """The room of stores says how teams and ids lead to them; called from `AppConfig.ready()`."""
    global _home_of, _storage_of, _kept_days
    _home_of, _storage_of, _kept_days = home_of, storage_of, kept_days


def place_lock(place_id: uuid.UUID, *, alone: bool) -> None:
    """Within a transaction: many may note writes to a store, or one alone may close it."""
    word = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {word}(%s)", [place_id.int >> 65])


def place_home(team_id: uuid.UUID | None) -> uuid.UUID:
    """The store that takes new bytes of a team now. Raises Conflict when that one takes none."""
    return OWN if team_id is None or _home_of is None else _home_of(team_id)


def place_storage(place_id: uuid.UUID) -> Storage:
    """A store by its id. Raises Unavailable when it cannot be opened."""
    return storages["blobs"] if place_id == OWN or _storage_of is None else _storage_of(place_id)


def places_kept_days() -> Mapping[uuid.UUID, int]:
    """Days for which each store keeps bytes that nothing refers to; one that is left out has no rule of its own."""
    return {} if _kept_days is None else _kept_days()


def places_of(sha256: str) -> tuple[uuid.UUID, ...]:
    """The stores that have the bytes, the own one first; empty when every write of them broke off."""
    rows = list(BlobPlace.objects.filter(blob_id=sha256).values_list("place_id", "ready_at"))
    found = tuple(sorted(place for place, ready in rows if ready is not None)) if rows else (OWN,)
    with _lock:
        if len(_seen) >= _REMEMBER_MOST:
            _seen.clear()
        _seen[sha256] = (time.monotonic(), found)
    return found


def places_remembered(sha256: str) -> tuple[uuid.UUID, ...]:
    """As `places_of`, as this process knew it within the last seconds; who finds no bytes there asks again."""
    with _lock:
        at, found = _seen.get(sha256, (0.0, ()))
    if found and time.monotonic() - at < REMEMBER_SECONDS:
        return found
    return places_of(sha256)


def blobs_elsewhere() -> Iterator[str]:
    """Hashes of blobs that further stores have and the own one does not."""
    own = BlobPlace.objects.filter(place_id=OWN, blob_id=OuterRef("blob_id"), ready_at__isnull=False)
    rows = BlobPlace.objects.filter(~Exists(own), ready_at__isnull=False).exclude(place_id=OWN)
    yield from rows.order_by("blob_id").values_list("blob_id", flat=True).distinct().iterator()


def places_noted(sha256: str) -> tuple[uuid.UUID, ...]:
    """Every store that may have some of the bytes, also of writes that broke off: asked before they are removed."""
    return tuple(BlobPlace.objects.filter(blob_id=sha256).values_list("place_id", flat=True)) or (OWN,)


def place_note(blob: StoredBlob, place_id: uuid.UUID, *, new: bool) -> None:
    """Under the blob's lock: a store is about to get the bytes. `new`: no store was known to have them before.

    What lies in the own store alone has no row, so that most installations have none at all.
    """
    rows = BlobPlace.objects.filter(blob=blob)
    if not rows.exists():
        if place_id == OWN:
            return
        if not new:
            BlobPlace.objects.create(blob=blob, place_id=OWN, ready_at=blob.created_at)
    BlobPlace.objects.get_or_create(blob=blob, place_id=place_id)


def place_ready(sha256: str, place_id: uuid.UUID) -> None:
    """The bytes are in the store now, whole."""
    BlobPlace.objects.filter(blob_id=sha256, place_id=place_id, ready_at__isnull=True).update(ready_at=timezone.now())
    places_forget(sha256)


def place_drop(sha256: str, place_id: uuid.UUID) -> None:
    """Under the blob's lock: the store's copy is removed, bytes first. Raises Unavailable.

    Another store must have the bytes, or nothing may need them.
    """
    with store_used():
        place_storage(place_id).delete(blob_name(sha256))
    BlobPlace.objects.filter(blob_id=sha256, place_id=place_id).delete()
    places_forget(sha256)


def places_forget(sha256: str) -> None:
    """This process looks again where the bytes are."""
    with _lock:
        _seen.pop(sha256, None)


def blob_name(sha256: str) -> str:
    """Where the bytes lie within each store."""
    return f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"
