"""What beat asks of every store: does it still answer, what does it hold today; and what was left behind."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.core.files.storage import Storage
from django.db import transaction
from django.utils import timezone

from apps.core.blob_use import PlaceUse, place_use
from apps.stores.models import BackendDay, StorageBackend, StorageMove, StorageTest
from apps.stores.selectors import backend_own
from apps.stores.services.faults import fault_words
from apps.stores.services.opening import MARK, StoreClosed, backend_open
from apps.stores.services.states import State, backend_lock, people_tell

FAILURES = 2
"""So many checks in a row fail before people are told: one lost packet is no finding."""
ABANDONED = timedelta(minutes=5)
SILENT = timedelta(minutes=2)
"""A move whose worker said nothing for so long is taken up by another."""


def backends_due() -> list[uuid.UUID]:
    """Stores that are asked now: those that somebody may read from."""
    rows = StorageBackend.objects.filter(state__in=[State.HEALTHY, State.READ_ONLY], builtin=False)
    return list(rows.values_list("pk", flat=True))


def backend_check(backend_id: uuid.UUID) -> StorageBackend | None:
    """Look for the store's own mark, and note what came of it. Its state stays; people are told of each change.

    None when there is nothing to ask.
    """
    asked = StorageBackend.objects.filter(pk=backend_id, state__in=[State.HEALTHY, State.READ_ONLY]).first()
    if asked is None or asked.builtin:
        return None
    why = _asked(asked)
    with transaction.atomic():
        backend = backend_lock(backend_id)
        # What was changed meanwhile was not asked.
        if (backend.row_version, backend.secret) != (asked.row_version, asked.secret):
            return backend
        backend.checked_at = timezone.now()
        if why:
            _failed(backend, why)
        else:
            _answered(backend)
        backend.save(update_fields=["checked_at", "answered_at", "failures", "fault"])
    return backend


def _asked(backend: StorageBackend) -> str:
    try:
        store: Storage = backend_open(backend)
        if store.exists(MARK):
            return ""
    except StoreClosed as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - each store fails in its own way, and any failure is the answer
        return fault_words(error)
    return "It answers, and its mark is not there: is it the same place?"


def _failed(backend: StorageBackend, why: str) -> None:
    backend.failures += 1
    if backend.fault or backend.failures < FAILURES:
        return
    backend.fault = why[:500]
    people_tell(
        backend,
        title=f"Storage backend {backend.name} does not answer",
        text=f"{why} Files in it cannot be read, and new ones of its teams cannot be stored, until it answers.",
        event=f"failing:{backend.checked_at:%Y-%m-%dT%H:%M:%S}",
    )


def _answered(backend: StorageBackend) -> None:
    backend.failures, backend.answered_at = 0, backend.checked_at
    # A store whose test failed answers checks, and is whole again only after a test that passes.
    if not backend.fault or backend.tested_at is None:
        return
    backend.fault = ""
    people_tell(
        backend,
        title=f"Storage backend {backend.name} answers again",
        text="Its files can be read, and new ones are stored.",
        event=f"answers:{backend.checked_at:%Y-%m-%dT%H:%M:%S}",
    )


def tests_abandon() -> int:
    """End tests whose worker is gone; returns how many."""
    old = timezone.now() - ABANDONED
    return StorageTest.objects.filter(state=StorageTest.State.RUNNING, updated_at__lt=old).update(
        state=StorageTest.State.FAILED,
        ended_at=timezone.now(),
        verdict="The worker that ran this test is gone. Nothing is known of the store; test it again.",
    )


def days_note() -> int:
    """Note what each store holds today, once a day; returns how many were noted."""
    today = timezone.localdate()
    own = backend_own()
    noted = set(BackendDay.objects.filter(day=today).values_list("backend_id", flat=True))
    open_ids = set(StorageBackend.objects.exclude(state=State.REMOVED).values_list("pk", flat=True)) | {own.pk}
    missing = open_ids - noted
    if not missing:
        return 0
    use = place_use()
    rows = [
        BackendDay(backend_id=pk, day=today, files=use.get(pk, PlaceUse()).files, bytes=use.get(pk, PlaceUse()).bytes)
        for pk in sorted(missing)
    ]
    BackendDay.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def moves_due() -> list[uuid.UUID]:
    """Open moves that no worker has in its hands."""
    rows = StorageMove.objects.filter(state__in=StorageMove.OPEN)
    rows = rows.exclude(lease__isnull=False, beat_at__gte=timezone.now() - SILENT)
    return list(rows.values_list("pk", flat=True))
