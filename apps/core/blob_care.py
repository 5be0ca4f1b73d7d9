"""Looking after the store: finding what is not noted, hashing again, removing what nothing needs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.files.storage import Storage, storages
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.core.blob_places import places_kept_days
from apps.core.blob_references import BlobReference, blobs_unreferenced, references_without_bytes
from apps.core.blobs import blob_delete, blob_exists, blob_held, blob_lock_try, blob_verify
from apps.core.errors import Unavailable
from apps.core.models import StoredBlob

GRACE = timedelta(hours=24)
"""How long bytes may lie in the store before something refers to them."""

Say = Callable[[float, str], None]
"""Told how far it is, from 0 to 1, and in words."""


@dataclass(slots=True)
class CheckReport:
    """What hashing again found. `flipped` and `missing` are hashes; `orphans` are references without bytes."""

    checked: int = 0
    bytes: int = 0
    flipped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    orphans: list[tuple[str, BlobReference]] = field(default_factory=list)
    unreached: int = 0
    """Files whose store was away: nothing is known of them, and they are checked another time."""

    @property
    def ok(self) -> bool:
        return not (self.flipped or self.missing or self.orphans)


@dataclass(frozen=True, slots=True)
class Collected:
    """What the collector removed."""

    files: int
    bytes: int


def stored_names() -> Iterator[str]:
    """The hashes of all blobs in the installation's own store, as it lists them."""
    store = storages["blobs"]
    for first in _folders(store, "blobs"):
        for second in _folders(store, f"blobs/{first}"):
            _, names = store.listdir(f"blobs/{first}/{second}")
            yield from sorted(name for name in names if len(name) == 64)


def _folders(store: Storage, path: str) -> list[str]:
    try:
        folders, _ = store.listdir(path)
    except FileNotFoundError:
        return []
    return sorted(folders)


def blobs_note() -> int:
    """Note the files that the own store has and the table does not (from before it, or of a write that broke off).

    Each counts as written when the store says, so that the grace time runs from then. Returns how many were new.
    """
    store = storages["blobs"]
    known = set(StoredBlob.objects.values_list("pk", flat=True))
    new = []
    for sha256 in stored_names():
        if sha256 in known:
            continue
        name = f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        try:
            at, size = store.get_modified_time(name), store.size(name)
        except FileNotFoundError:
            continue
        new.append(StoredBlob(sha256=sha256, size=size, created_at=at, written_at=at))
    StoredBlob.objects.bulk_create(new, ignore_conflicts=True, batch_size=1000)
    return len(new)


def blobs_verify(
    *, since: datetime | None = None, seconds: float | None = None, say: Say = lambda share, text: None
) -> CheckReport:
    """Hash every stored file again, those that were checked longest ago first; note what is flipped or missing.

    With `since`, files checked after that moment are left out; with `seconds`, the rest waits for another time. Nothing
    is removed or mended: writing the same bytes again mends a file, restoring a backup mends them all.
    """
    end = None if seconds is None else time.monotonic() + seconds
    blobs_note()
    report = CheckReport()
    rows = StoredBlob.objects.order_by(F("checked_at").asc(nulls_first=True), "pk")
    if since is not None:
        rows = rows.exclude(checked_at__gte=since)
    found = list(rows.values_list("pk", "size"))
    for sha256, size in found:
        if end is not None and time.monotonic() > end:
            break
        fault = ""
        try:
            whole = blob_verify(sha256)
        except Unavailable:
            report.unreached += 1
            continue
        if not whole:
            if not StoredBlob.objects.filter(pk=sha256).exists():
                continue  # collected meanwhile
            fault = StoredBlob.Fault.FLIPPED if blob_exists(sha256) else StoredBlob.Fault.MISSING
            (report.flipped if fault == StoredBlob.Fault.FLIPPED else report.missing).append(sha256)
        StoredBlob.objects.filter(pk=sha256).update(checked_at=timezone.now(), fault=fault)
        report.checked += 1
        report.bytes += size
        if report.checked % 50 == 0:
            say(report.checked / len(found), f"{report.checked} of {len(found)} files")
    report.orphans = references_without_bytes()
    return report


def blobs_collect(*, grace: timedelta = GRACE) -> Collected:
    """Remove files that nothing refers to and that nobody has written for the grace time.

    A store may keep them for longer. Each is looked at again under its lock: one that a writer takes up meanwhile
    stays, and one whose store is away waits for the next round.
    """
    blobs_note()
    files = size = 0
    before = timezone.now() - grace
    for sha256 in blobs_unreferenced(before, kept_until=kept_until(grace)):
        with transaction.atomic():
            if not blob_lock_try(sha256):
                continue  # somebody writes or refers to it at this moment
            row = StoredBlob.objects.filter(pk=sha256, written_at__lt=before).first()
            if row is None or blob_held(sha256):
                continue
            try:
                with transaction.atomic():
                    blob_delete(sha256)
            except Unavailable:
                continue
            files, size = files + 1, size + row.size
    return Collected(files, size)


def kept_until(grace: timedelta = GRACE) -> dict[uuid.UUID, datetime]:
    """{store: bytes that were written after this moment stay in it}, for stores that keep them beyond the grace.

    A day is no rule of a store's own, so that who collects by hand may go below it.
    """
    now = timezone.now()
    return {
        place: now - timedelta(days=days)
        for place, days in places_kept_days().items()
        if timedelta(days=days) > max(grace, GRACE)
    }
