"""Bytes go to the store of their team, are found wherever they are, and no store depends on another's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import team_make
from apps.core.blob_care import blobs_collect, blobs_verify
from apps.core.blob_places import OWN, places_of
from apps.core.blobs import blob_chunks, blob_exists, blob_hold, blob_write
from apps.core.errors import Conflict, NotFound, Unavailable
from apps.core.models import BlobPlace, StoredBlob
from apps.stores.services import backend_close
from apps.stores.tests.factories import file_of, healthy_make, home_give, note_make, operator_make, path_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own")]


def read(sha256: str) -> bytes:
    return b"".join(blob_chunks(sha256))


def test_an_installation_without_further_stores_notes_no_place(own):
    sha256 = file_of(team_make(), b"as ever")

    assert path_in(own, sha256).read_bytes() == b"as ever"
    assert not BlobPlace.objects.exists()
    assert read(sha256) == b"as ever"


def test_new_bytes_of_a_team_go_to_its_store_and_old_ones_are_found_where_they_are(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    old = file_of(team, b"before")
    home_give(team, there)

    new = file_of(team, b"after")

    assert path_in(tmp_path / "there", new).read_bytes() == b"after"
    assert not path_in(own, new).exists()
    assert (read(old), read(new)) == (b"before", b"after")
    assert places_of(new) == (there.pk,)
    assert places_of(old) == (OWN,)


def test_the_same_bytes_of_two_teams_are_kept_in_both_of_their_stores(own, tmp_path):
    here, elsewhere, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    home_give(elsewhere, there)

    file_of(here, b"shared")
    sha256 = file_of(elsewhere, b"shared")
    path_in(own, sha256).unlink()

    assert path_in(tmp_path / "there", sha256).exists()
    assert read(sha256) == b"shared"
    assert set(places_of(sha256)) == {OWN, there.pk}


def test_bytes_of_a_further_store_are_written_to_the_own_one_for_a_team_that_lives_there(own, tmp_path):
    here, elsewhere, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    home_give(elsewhere, there)
    file_of(elsewhere, b"shared")

    sha256 = file_of(here, b"shared")

    assert path_in(own, sha256).exists()
    assert set(places_of(sha256)) == {OWN, there.pk}


def test_a_read_only_store_refuses_before_a_byte_is_read_and_says_who_can_do_what(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    home_give(team, there)
    kept = file_of(team, b"kept")
    backend_close(actor=operator_make(), backend_id=there.pk, reason="New disks.")

    def chunks():
        raise AssertionError("a byte was read")
        yield b""

    with pytest.raises(Conflict, match=r"is read-only.*of the site can make it writable again") as refused:
        blob_write(chunks(), team_id=team.pk)

    assert refused.value.code == "store_closed"
    assert read(kept) == b"kept"


def test_a_reference_is_refused_when_the_bytes_left_the_team_s_store_after_they_were_written(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    ref = blob_write([b"on their way"], team_id=team.pk)
    home_give(team, there)

    with pytest.raises(Conflict, match="Send them again"):
        blob_hold(ref.sha256, team_id=team.pk)


def test_a_store_that_is_away_holds_up_no_read_of_bytes_that_another_has(own, tmp_path):
    here, elsewhere, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    home_give(elsewhere, there)
    only, both = file_of(elsewhere, b"only there"), file_of(elsewhere, b"both")
    file_of(here, b"both")
    (tmp_path / "there").rename(tmp_path / "unplugged")
    from apps.stores.services.opening import storage_forget

    storage_forget(there.pk)

    assert read(both) == b"both"
    with pytest.raises(Unavailable, match="is its disk mounted"):
        read(only)
    with pytest.raises(Unavailable):
        blob_write([b"new"], team_id=elsewhere.pk)
    assert not (tmp_path / "there").exists()


def test_bytes_that_a_broken_write_left_in_part_are_written_anew(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    home_give(team, there)
    sha256 = file_of(team, b"whole bytes")
    path_in(tmp_path / "there", sha256).write_bytes(b"who")

    file_of(team, b"whole bytes")

    assert read(sha256) == b"whole bytes"


@pytest.mark.usefixtures("notes")
def test_a_store_keeps_unneeded_bytes_for_its_own_days(own, tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there", retention_days=10)
    here = file_of(team, b"here")
    home_give(team, there)
    kept, needed = file_of(team, b"kept"), file_of(team, b"needed")
    note_make(team, needed)
    StoredBlob.objects.update(written_at=timezone.now() - timedelta(days=3))

    first = blobs_collect()
    StoredBlob.objects.update(written_at=timezone.now() - timedelta(days=11))
    second = blobs_collect()

    assert (first.files, second.files) == (1, 1)
    assert not path_in(own, here).exists()
    assert not path_in(tmp_path / "there", kept).exists()
    assert path_in(tmp_path / "there", needed).exists()
    with pytest.raises(NotFound):
        read(kept)


def test_a_check_finds_the_bad_copy_whichever_store_has_it_and_the_same_bytes_mend_both(own, tmp_path):
    here, elsewhere, there = team_make(), team_make(), healthy_make(tmp_path / "there")
    home_give(elsewhere, there)
    file_of(here, b"twice")
    sha256 = file_of(elsewhere, b"twice")
    path_in(tmp_path / "there", sha256).chmod(0o600)
    path_in(tmp_path / "there", sha256).write_bytes(b"TWICE")

    found = blobs_verify()
    file_of(here, b"twice")

    assert found.flipped == [sha256]
    assert blobs_verify().ok
    assert blob_exists(sha256)
