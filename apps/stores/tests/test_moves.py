"""A team's bytes are moved: hashed, let go only when they are safe, taken up again wherever a worker was killed."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import team_make
from apps.audit.models import AuditEvent
from apps.core.blob_places import OWN, place_storage, places_of
from apps.core.blobs import blob_chunks
from apps.core.errors import Conflict, Invalid, Unavailable
from apps.stores import selectors
from apps.stores.models import StorageMove
from apps.stores.services import (
    backend_close,
    backend_remove,
    backend_reopen,
    move_begin,
    move_cancel,
    move_run,
    moves_due,
)
from apps.stores.services import moves as moving
from apps.stores.services.opening import storage_forget
from apps.stores.tests.factories import file_of, healthy_make, home_give, note_make, operator_make, path_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own", "notes")]


def read(sha256: str) -> bytes:
    return b"".join(blob_chunks(sha256))


def needed_of(team, *contents: bytes) -> list[str]:
    """Hashes of files that something of the team refers to."""
    hashes = [file_of(team, content) for content in contents]
    for sha256 in hashes:
        note_make(team, sha256, f"note {sha256[:6]}")
    return hashes


def begin(team, source: uuid.UUID, target: uuid.UUID) -> StorageMove:
    return move_begin(actor=operator_make(), team_id=team.pk, source_id=source, target_id=target)


def test_every_file_of_the_team_is_moved_and_new_ones_follow(own, tmp_path):
    team, other, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    mine = needed_of(team, b"one", b"two", b"three")
    (theirs,) = needed_of(other, b"theirs")

    move = move_run(move_id=begin(team, OWN, there.pk).pk)
    new = file_of(team, b"new")

    assert (move.state, move.files_done, move.bytes_done, move.files_total) == ("DONE", 3, 11, 3)
    assert "3 files (11\u202fB) moved" in move.verdict
    for sha256 in mine:
        assert not path_in(own, sha256).exists()
        assert places_of(sha256) == (there.pk,)
    assert [read(sha256) for sha256 in mine] == [b"one", b"two", b"three"]
    assert path_in(tmp_path / "there", new).exists()
    assert path_in(own, theirs).exists()
    assert AuditEvent.objects.filter(action="store.move_done", team_id=team.pk).count() == 1


def test_what_another_team_needs_in_the_old_place_stays_there_too(own, tmp_path):
    team, other, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    (shared,) = needed_of(team, b"shared")
    note_make(other, shared)

    move = move_run(move_id=begin(team, OWN, there.pk).pk)

    assert (move.state, move.files_done, move.files_kept) == ("DONE", 0, 1)
    assert path_in(own, shared).exists()
    assert path_in(tmp_path / "there", shared).exists()
    assert "another team needs them there" in move.verdict

    second = move_run(move_id=begin(other, OWN, there.pk).pk)

    assert (second.state, second.files_done) == ("DONE", 1)
    assert not path_in(own, shared).exists()
    assert read(shared) == b"shared"


@pytest.mark.parametrize("step", ["blob_copy", "blob_let_go", "_note"])
def test_a_worker_that_is_killed_in_the_middle_loses_nothing(own, tmp_path, monkeypatch, step):
    team, there = team_make(), healthy_make(tmp_path / "there")
    mine = needed_of(team, *(b"file %d" % number for number in range(6)))
    move = begin(team, OWN, there.pk)
    real, calls = getattr(moving, step), []

    class Killed(BaseException):
        """As sudden as a SIGKILL: no handler of the service sees it."""

    def until_third(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(moving, step, until_third)
    with pytest.raises(Killed):
        move_run(move_id=move.pk)
    monkeypatch.setattr(moving, step, real)
    assert [read(sha256) for sha256 in mine] == [b"file %d" % number for number in range(6)]
    assert moves_due() == []
    StorageMove.objects.update(beat_at=timezone.now() - timedelta(minutes=3))

    assert moves_due() == [move.pk]
    done = move_run(move_id=move.pk)

    assert done.state == "DONE"
    assert done.files_done in (5, 6)
    assert all(places_of(sha256) == (there.pk,) for sha256 in mine)
    assert not any(path_in(own, sha256).exists() for sha256 in mine)
    assert [read(sha256) for sha256 in mine] == [b"file %d" % number for number in range(6)]


def test_a_copy_that_was_cut_short_by_the_kill_is_made_again(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    (sha256,) = needed_of(team, b"long enough")
    half = path_in(tmp_path / "there", sha256)
    half.parent.mkdir(parents=True)
    half.write_bytes(b"long")

    move = move_run(move_id=begin(team, OWN, there.pk).pk)

    assert move.state == "DONE"
    assert half.read_bytes() == b"long enough"


def test_a_worker_that_lost_its_move_writes_nothing_more(own, tmp_path, monkeypatch):
    team, there = team_make(), healthy_make(tmp_path / "there")
    needed_of(team, b"one", b"two")
    move = begin(team, OWN, there.pk)
    real = moving.blob_copy

    def slow(*args, **kwargs):
        StorageMove.objects.filter(pk=move.pk).update(lease=uuid.uuid4(), files_done=7)
        return real(*args, **kwargs)

    monkeypatch.setattr(moving, "blob_copy", slow)
    move_run(move_id=move.pk)

    move.refresh_from_db()
    assert (move.state, move.files_done, move.cursor) == ("RUNNING", 7, "")


def test_a_flipped_file_is_named_and_stays_where_it_was(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    good, bad = needed_of(team, b"good", b"bad!")
    path_in(own, bad).chmod(0o600)
    path_in(own, bad).write_bytes(b"evil")

    move = move_run(move_id=begin(team, OWN, there.pk).pk)

    assert (move.state, move.files_done, move.files_failed) == ("FAILED", 1, 1)
    assert move.faults == [[bad, "its bytes are not those that were stored"]]
    assert places_of(bad) == (OWN,)
    assert read(good) == b"good"


def test_a_store_that_is_away_makes_the_move_wait_and_go_on(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    (sha256,) = needed_of(team, b"patient")
    move = begin(team, OWN, there.pk)
    (tmp_path / "there").rename(tmp_path / "unplugged")
    storage_forget(there.pk)

    waiting = move_run(move_id=move.pk)

    assert (waiting.state, waiting.tries) == ("RUNNING", 1)
    assert "is its disk mounted" in waiting.waits
    assert read(sha256) == b"patient"
    assert moves_due() == [move.pk]

    (tmp_path / "unplugged").rename(tmp_path / "there")
    storage_forget(there.pk)
    done = move_run(move_id=move.pk)

    assert (done.state, done.waits, done.files_done) == ("DONE", "", 1)


def test_a_store_that_stays_away_ends_the_move_with_its_cause(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    needed_of(team, b"patient")
    move = begin(team, OWN, there.pk)
    StorageMove.objects.update(tries=moving.TRIES - 1)
    (tmp_path / "there").rename(tmp_path / "unplugged")
    storage_forget(there.pk)

    ended = move_run(move_id=move.pk)

    assert ended.state == "FAILED"
    assert "is its disk mounted" in ended.verdict
    assert ended.ended_at


def test_a_target_that_was_closed_ends_the_move_and_says_who_can_open_it(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    (sha256,) = needed_of(team, b"stays")
    move = begin(team, OWN, there.pk)
    backend_close(actor=operator_make(), backend_id=there.pk)

    ended = move_run(move_id=move.pk)

    assert ended.state == "FAILED"
    assert "is read-only" in ended.verdict
    assert places_of(sha256) == (OWN,)


def test_a_cancelled_move_leaves_each_file_in_one_place(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    mine = needed_of(team, b"one", b"two")
    move = begin(team, OWN, there.pk)
    first = move_run(move_id=move.pk, seconds=0)

    over = move_cancel(actor=operator_make(), move_id=move.pk)

    assert (first.state, first.files_done) == ("RUNNING", 1)
    assert (over.state, over.files_done) == ("CANCELLED", 1)
    assert sorted(places_of(sha256) for sha256 in mine) == [(OWN,), (there.pk,)]
    assert [read(sha256) for sha256 in mine] == [b"one", b"two"]
    with pytest.raises(Conflict, match="is over"):
        move_cancel(actor=operator_make(), move_id=move.pk)
    assert move_run(move_id=move.pk).state == "CANCELLED"


def test_one_move_of_a_team_at_a_time_and_never_onto_itself(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    begin(team, OWN, there.pk)

    with pytest.raises(Conflict, match="being moved already"):
        begin(team, OWN, there.pk)
    with pytest.raises(Invalid):
        begin(team, OWN, OWN)


def test_a_store_is_never_removed_while_anything_needs_it(own, tmp_path):
    team, there = team_make("Vision"), healthy_make(tmp_path / "there")
    home_give(team, there)
    (sha256,) = needed_of(team, b"needed here")
    actor = operator_make()
    with pytest.raises(Conflict, match="read-only first"):
        backend_remove(actor=actor, backend_id=there.pk)
    backend_close(actor=actor, backend_id=there.pk)

    with pytest.raises(Conflict, match="New files of Vision go to there"):
        backend_remove(actor=actor, backend_id=there.pk)
    home_give(team, selectors.backend_own())
    with pytest.raises(Conflict, match=r"holds 1 file \(11.B\), needed by note .* \(note, 11.B\)") as refused:
        backend_remove(actor=actor, backend_id=there.pk)

    assert refused.value.items[0]["bytes"] == 11
    moved = move_run(move_id=begin(team, there.pk, OWN).pk)
    gone = backend_remove(actor=actor, backend_id=there.pk)
    assert (moved.state, gone.state, gone.secret) == ("DONE", "REMOVED", "")
    assert read(sha256) == b"needed here"


def test_a_removed_store_takes_no_write_that_was_about_to_begin(tmp_path):
    there = healthy_make(tmp_path / "there")
    actor = operator_make()
    backend_close(actor=actor, backend_id=there.pk)
    backend_remove(actor=actor, backend_id=there.pk)

    with pytest.raises(Unavailable, match="not known any more"):
        place_storage(there.pk)
    with pytest.raises(Exception, match="There is no such storage backend"):
        backend_reopen(actor=actor, backend_id=there.pk)
