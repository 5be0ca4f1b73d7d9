"""The store: written once, checked again, collected when nothing needs it, also while others write."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.tests.factories import team_make
from apps.core import blob_references
from apps.core.blob_care import GRACE, blobs_collect, blobs_note, blobs_verify
from apps.core.blob_references import (
    BlobSource,
    blob_source_register,
    disk_use,
    growth_by_week,
    reference_exists,
    references_of,
    store_totals,
    team_totals,
)
from apps.core.blobs import blob_delete, blob_exists, blob_hold, blob_lock, blob_verify, blob_write
from apps.core.errors import Conflict
from apps.core.models import StoredBlob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings, tmp_path: Path) -> Path:
    """A store of its own for each test."""
    folder = tmp_path / "store"
    folder.mkdir()
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "blobs": backend, "default": backend}
    return folder


@pytest.fixture
def notes() -> Iterator[str]:
    """A kind of object that refers to blobs: the table `test_notes`, registered for one test."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_notes (team_id uuid, sha256 text, id uuid, name text)")
    kept = dict(blob_references._sources)
    blob_source_register(
        BlobSource(
            "test.note",
            "notes",
            "SELECT team_id, sha256, id AS object_id, name AS object_label FROM test_notes",
            lambda pk: f"/notes/{pk}",
        )
    )
    yield "test.note"
    blob_references._sources.clear()
    blob_references._sources.update(kept)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_notes")


def note_make(sha256: str, name: str = "a note", team_id: uuid.UUID | None = None) -> uuid.UUID:
    pk = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_notes VALUES (%s, %s, %s, %s)", [team_id or uuid.uuid4(), sha256, pk, name])
    return pk


def age(sha256: str, by: timedelta = GRACE + timedelta(minutes=1)) -> None:
    StoredBlob.objects.filter(pk=sha256).update(written_at=timezone.now() - by)


def path_of(store: Path, sha256: str) -> Path:
    return store / "blobs" / sha256[:2] / sha256[2:4] / sha256


def flip(store: Path, sha256: str) -> None:
    path = path_of(store, sha256)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(bytes(data))


def test_the_same_bytes_are_stored_and_noted_once(store):
    first, second = blob_write([b"ab", b"c"]), blob_write([b"abc"])

    assert first == second
    assert [p for p in store.rglob("*") if p.is_file()] == [path_of(store, first.sha256)]
    assert StoredBlob.objects.get().size == 3


def test_a_file_that_nothing_needs_goes_after_the_grace_time_and_not_before(notes):
    lonely, needed, young = blob_write([b"lonely"]), blob_write([b"needed"]), blob_write([b"young"])
    note_make(needed.sha256)
    age(lonely.sha256)
    age(needed.sha256)

    done = blobs_collect()

    assert (done.files, done.bytes) == (1, 6)
    assert [blob_exists(ref.sha256) for ref in (lonely, needed, young)] == [False, True, True]
    assert blobs_collect().files == 0


def test_writing_old_bytes_again_gives_the_writer_the_grace_time(notes):
    ref = blob_write([b"once more"])
    age(ref.sha256)

    blob_write([b"once more"])

    assert blobs_collect().files == 0
    note_make(ref.sha256)
    age(ref.sha256)
    assert blobs_collect().files == 0
    assert blob_verify(ref.sha256)


@pytest.mark.django_db(transaction=True)
def test_the_collector_leaves_what_somebody_writes_at_this_moment(notes):
    ref = blob_write([b"shared"])
    age(ref.sha256)
    written, collected = threading.Event(), threading.Event()

    def writer() -> None:
        try:
            with transaction.atomic():
                blob_write([b"shared"])
                written.set()
                assert collected.wait(10)
                note_make(ref.sha256)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(writer)
        assert written.wait(10)
        done = blobs_collect()
        collected.set()
        future.result(10)

    assert done.files == 0
    assert blob_verify(ref.sha256)
    assert reference_exists(ref.sha256)


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_comes_while_bytes_are_removed_stores_them_anew():
    ref = blob_write([b"just going"])
    began = threading.Event()

    def writer() -> None:
        try:
            began.set()
            blob_write([b"just going"])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            blob_lock(ref.sha256)
            future = pool.submit(writer)
            assert began.wait(10)
            blob_delete(ref.sha256)
        future.result(10)

    assert blob_verify(ref.sha256)
    assert StoredBlob.objects.filter(pk=ref.sha256).exists()


def test_a_reference_to_bytes_that_are_gone_is_refused():
    ref = blob_write([b"gone"])
    blob_delete(ref.sha256)

    with pytest.raises(Conflict) as error:
        blob_hold(ref.sha256)

    assert error.value.code == "bytes_removed"


def test_a_stray_file_is_noted_with_the_age_that_the_store_says(store):
    stray = blob_write([b"stray"])
    StoredBlob.objects.all().delete()

    assert blobs_note() == 1
    assert blobs_collect().files == 0
    age(stray.sha256)
    assert blobs_collect().files == 1
    assert not blob_exists(stray.sha256)


def test_flipped_and_missing_files_are_named_with_who_needs_them(store, notes):
    good, flipped, missing = blob_write([b"good"]), blob_write([b"flipped"]), blob_write([b"missing"])
    note_make(flipped.sha256, "the flipped one")
    note_make(missing.sha256, "the missing one")
    note_make("f" * 64, "never stored")
    flip(store, flipped.sha256)
    path_of(store, missing.sha256).unlink()

    report = blobs_verify()

    assert (report.checked, report.flipped, report.missing) == (3, [flipped.sha256], [missing.sha256])
    assert not report.ok
    assert {r.label for _, r in report.orphans} == {"the flipped one", "the missing one", "never stored"}
    assert StoredBlob.objects.get(pk=good.sha256).fault == ""
    assert StoredBlob.objects.get(pk=flipped.sha256).fault == "FLIPPED"


def test_the_same_bytes_written_again_mend_a_flipped_file(store):
    ref = blob_write([b"mend me"])
    flip(store, ref.sha256)
    assert blobs_verify().flipped == [ref.sha256]

    blob_write([b"mend me"])

    assert blob_verify(ref.sha256)
    assert blobs_verify().ok


def test_a_check_takes_first_what_was_checked_longest_ago_and_stops_in_time():
    one, two = blob_write([b"one"]), blob_write([b"two"])
    StoredBlob.objects.filter(pk=one.sha256).update(checked_at=timezone.now())
    since = timezone.now() - timedelta(hours=1)

    assert blobs_verify(since=since).checked == 1
    assert StoredBlob.objects.get(pk=two.sha256).checked_at is not None
    assert blobs_verify(since=since).checked == 0
    assert blobs_verify(seconds=-1).checked == 0


def test_use_counts_the_same_bytes_once_within_a_kind_and_a_team(notes):
    mine, other = team_make().pk, team_make().pk
    big, small = blob_write([b"x" * 1000]), blob_write([b"y" * 10])
    for team_id, ref in ((mine, big), (mine, big), (mine, small), (other, big)):
        note_make(ref.sha256, team_id=team_id)
    lonely = blob_write([b"z" * 5])

    rows = {row.team_id: row for row in disk_use() if row.key == notes}

    assert (rows[mine].objects, rows[mine].files, rows[mine].bytes) == (3, 2, 1010)
    assert rows[other].bytes == 1000
    assert [row.team_id for row in disk_use(frozenset({other}))] == [other]
    assert team_totals() == {mine: 1010, other: 1000}
    totals = store_totals()
    assert (totals.files, totals.bytes) == (3, 1015)
    assert (totals.unreferenced_files, totals.unreferenced_bytes) == (1, lonely.size)
    assert len(references_of([big.sha256])[big.sha256]) == 3


def test_growth_has_a_row_for_each_week_and_counts_what_is_there():
    old, new = blob_write([b"old"]), blob_write([b"newer"])
    StoredBlob.objects.filter(pk=old.sha256).update(created_at=timezone.now() - timedelta(weeks=2))

    weeks = growth_by_week(4)

    assert len(weeks) == 4
    assert (weeks[1].bytes, weeks[3].bytes) == (3, new.size)
    assert (weeks[0].files, weeks[2].files) == (0, 0)


def test_files_that_are_not_blobs_are_left_alone(store):
    storages["blobs"].save("uploads/x/0000000000000", ContentFile(b"a part"))

    assert blobs_note() == 0
    assert blobs_collect().files == 0
    assert (store / "uploads/x/0000000000000").exists()
