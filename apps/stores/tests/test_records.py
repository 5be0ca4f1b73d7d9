"""Each kind of store is opened as its record says, and tested step by step; what goes wrong is told in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from django.utils import timezone
from moto.server import ThreadedMotoServer

from apps.accounts.tests.factories import team_make
from apps.core.blob_places import OWN, places_of
from apps.core.blobs import blob_chunks, blob_write
from apps.core.errors import Conflict, Invalid, Unavailable
from apps.home.health.facts import _store
from apps.notices.models import Notice
from apps.stores import selectors, services
from apps.stores.models import BackendDay, StorageBackend, StorageTest
from apps.stores.services.faults import fault_words
from apps.stores.services.opening import MARK, StoreClosed, backend_open, library_there, storage_forget
from apps.stores.tests.factories import (
    after_test,
    file_of,
    folder_make,
    healthy_make,
    home_give,
    note_make,
    operator_make,
    path_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own")]
ACCOUNT = {
    "type": "service_account",
    "project_id": "p",
    "client_email": "x@example.org",
    "token_uri": "http://127.0.0.1:9/token",
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that speaks S3 on loopback."""
    one = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    one.start()
    host, port = one.get_host_and_port()
    yield f"http://{host}:{port}"
    one.stop()


def client(server: str) -> Any:
    keys = {"aws_access_key_id": "fairway-key", "aws_secret_access_key": "fairway-secret"}
    return boto3.client("s3", endpoint_url=server, region_name="us-east-1", **keys)


def bucket_make(server: str, bucket: str, *, name: str = "bucket", **fields: Any) -> StorageBackend:
    """A bucket that is there, and its record."""
    client(server).create_bucket(Bucket=bucket)
    values = {"location": bucket, "endpoint_url": server, "key_id": "fairway-key", "secret": "fairway-secret", **fields}
    return services.backend_create(actor=operator_make(), name=name, kind="S3", **values)


def names_in(server: str, bucket: str) -> list[str]:
    return [row["Key"] for row in client(server).list_objects_v2(Bucket=bucket).get("Contents", [])]


def steps_of(backend: StorageBackend) -> dict[str, dict[str, Any]]:
    test = StorageTest.objects.filter(backend=backend).latest("id")
    return {step["key"]: step for step in test.steps}


@pytest.mark.usefixtures("notes")
def test_an_s3_bucket_passes_its_test_keeps_a_team_s_files_and_gives_them_back(server):
    team, bucket = team_make(), after_test(bucket_make(server, "alpha", prefix="fairway"))
    old = file_of(team, b"before")
    home_give(team, bucket)

    new = file_of(team, b"after")
    for sha256 in (old, new):
        note_make(team, sha256)
    move = services.move_run(
        move_id=services.move_begin(actor=operator_make(), team_id=team.pk, source_id=OWN, target_id=bucket.pk).pk
    )

    assert bucket.state == "HEALTHY"
    assert all(step["state"] == "PASSED" and step["seconds"] >= 0 for step in steps_of(bucket).values())
    assert move.state == "DONE"
    assert b"".join(blob_chunks(new)) == b"after"
    assert b"".join(blob_chunks(old)) == b"before"
    blobs = [f"fairway/blobs/{one[:2]}/{one[2:4]}/{one}" for one in (old, new)]
    assert sorted(names_in(server, "alpha")) == sorted([*blobs, f"fairway/{MARK}"])


def test_each_way_to_fail_is_told_at_its_step_in_words(server, tmp_path):
    lost = after_test(bucket_make(server, "beta", location="no-such-bucket"))
    nobody = after_test(bucket_make(server, "gamma", name="nobody", endpoint_url="http://127.0.0.1:9"))
    folder = folder_make(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    after_test(folder)

    assert steps_of(lost)["claim"]["state"] == "PASSED" or "bucket" in steps_of(lost)["claim"]["text"]
    failed = next(step for step in steps_of(lost).values() if step["state"] == "FAILED")
    assert "There is no such bucket" in failed["text"]
    assert "Nobody answers at its address" in steps_of(nobody)["claim"]["text"]
    assert "There is no folder" in steps_of(folder)["open"]["text"]
    assert {one.state for one in (lost, nobody, folder)} == {"UNTESTED"}
    assert steps_of(nobody)["delete"]["state"] == "WAITING"
    told = StorageTest.objects.filter(backend=nobody).latest("id")
    assert told.verdict.startswith("It is nobody else's: Nobody answers")
    assert "fairway-secret" not in str(told.steps)


def test_one_place_under_two_names_is_found_by_its_mark(server):
    after_test(bucket_make(server, "delta"))
    alias = after_test(
        bucket_make(server, "delta", name="alias", endpoint_url=server.replace("127.0.0.1", "localhost"))
    )

    assert alias.state == "UNTESTED"
    assert "used by the storage backend “bucket”" in steps_of(alias)["claim"]["text"]


def test_the_installation_s_own_folder_under_another_path_is_found_too(own, tmp_path):
    after_test(healthy_make(tmp_path / "any"))
    link = tmp_path / "link"
    link.symlink_to(own)

    backend = after_test(services.backend_create(actor=operator_make(), name="link", kind="FILE", location=str(link)))

    assert "used by the storage backend “this-installation”" in steps_of(backend)["claim"]["text"]


def test_a_folder_that_should_hold_files_and_has_no_mark_is_not_taken_for_the_same(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    home_give(team, there)
    file_of(team, b"held")
    (tmp_path / "there").rename(tmp_path / "disk")
    (tmp_path / "there").mkdir()
    storage_forget(there.pk)

    again = after_test(there)

    assert "has lost its mark, and should hold 1 file" in steps_of(again)["claim"]["text"]
    assert "Its test failed" in again.fault
    with pytest.raises(Unavailable):
        blob_write([b"would vanish"], team_id=team.pk)


def test_google_and_azure_are_records_with_fields_of_their_own():
    make = {"actor": operator_make(), "location": "models"}
    google = services.backend_create(name="google", kind="GOOGLE", secret=json.dumps(ACCOUNT), **make)
    azure = services.backend_create(name="azure", kind="AZURE", key_id="account", secret="a2V5", **make)

    for backend, package in ((google, "google"), (azure, "azure")):
        after = after_test(backend)
        step = steps_of(after)["open"]
        assert (after.state, step["state"]) == ("UNTESTED", "FAILED")
        module = {"google": "google.cloud.storage", "azure": "azure.storage.blob"}[package]
        if not library_there(module):
            assert f"install django-storages[{package}]" in step["text"]
    with pytest.raises(Invalid, match="no key of a service account"):
        services.backend_create(name="g2", kind="GOOGLE", secret='{"type": "user"}', **make)
    with pytest.raises(Invalid, match="JSON file"):
        services.backend_create(name="g2", kind="GOOGLE", secret="no json", **make)
    with pytest.raises(Invalid, match="needs this"):
        services.backend_create(name="a2", kind="AZURE", key_id="account", **make)
    with pytest.raises(Invalid, match="has no such field"):
        services.backend_create(name="a2", kind="AZURE", key_id="account", secret="x", region="eu", **make)


def test_a_secret_under_another_key_says_to_enter_it_again(settings, server):
    backend = bucket_make(server, "epsilon")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", []

    with pytest.raises(StoreClosed, match="enter it again"):
        backend_open(backend)
    assert "enter it again" in steps_of(after_test(backend))["open"]["text"]


def test_what_a_library_says_is_told_without_the_secret():
    class ClientError(Exception):
        response = {"Error": {"Code": "AccessDenied", "Message": "no s3cr3t for you"}}

    assert fault_words(ClientError(), "s3cr3t") == (
        "The store refuses it: the key may not do this. (AccessDenied: no … for you)"
    )


def test_another_key_has_to_be_tested_and_another_place_is_refused_while_files_lie_here(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    (tmp_path / "new").mkdir()
    actor = operator_make()
    home_give(team, there)
    file_of(team, b"held")

    with pytest.raises(Conflict, match="its place cannot be changed") as refused:
        services.backend_update(actor=actor, backend_id=there.pk, location=str(tmp_path / "new"))
    assert refused.value.fields["location"]
    empty = healthy_make(tmp_path / "empty")
    moved = services.backend_update(actor=actor, backend_id=empty.pk, location=str(tmp_path / "new"))

    assert (moved.state, moved.tested_at) == ("UNTESTED", None)
    with pytest.raises(Conflict, match="is untested"):
        home_give(team, moved)


def test_only_the_moves_of_the_table_happen(tmp_path):
    backend = folder_make(tmp_path / "any")
    for state, allowed in services.MOVES.items():
        for to in StorageBackend.State.values:
            if to not in allowed:
                StorageBackend.objects.filter(pk=backend.pk).update(state=state)
                backend.refresh_from_db()
                with pytest.raises(Conflict, match="cannot become"):
                    services.backend_transition(actor=operator_make(), backend=backend, to=to)


def test_a_store_that_fails_twice_is_shown_and_told_once_and_answers_again(tmp_path):
    there = healthy_make(tmp_path / "there")
    team_make()
    (tmp_path / "there").rename(tmp_path / "unplugged")

    once = services.backend_check(there.pk)
    assert once is not None
    assert once.fault == ""
    twice = [services.backend_check(there.pk) for _ in range(3)][-1]
    assert twice is not None
    assert "is its disk mounted" in twice.fault
    assert twice.state == "HEALTHY"
    told = Notice.objects.filter(title="Storage backend there does not answer")
    assert told.count() == told.values("user").distinct().count() > 0
    assert _store().state == "DOWN"

    (tmp_path / "unplugged").rename(tmp_path / "there")
    whole = services.backend_check(there.pk)
    assert whole is not None
    assert (whole.fault, whole.failures) == ("", 0)


def test_growth_is_told_from_what_was_measured_and_not_guessed(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    home_give(team, there)
    file_of(team, b"x" * 100)
    assert services.days_note() == 2
    assert services.days_note() == 0
    growth = selectors.growth_of([there])[there.pk]
    assert (growth.now.bytes, growth.then, growth.grown) == (100, None, None)

    day = timezone.localdate() - timedelta(days=31)
    BackendDay.objects.create(backend=there, day=day, files=1, bytes=40)
    assert selectors.growth_of([there])[there.pk].grown == 60


def test_a_test_whose_worker_is_gone_ends_and_another_can_begin(tmp_path):
    there = folder_make(tmp_path / "there")
    test = services.backend_test(actor=operator_make(), backend_id=there.pk)
    assert services.backend_test(actor=operator_make(), backend_id=there.pk).pk == test.pk
    StorageTest.objects.update(updated_at=timezone.now() - timedelta(minutes=6))

    assert services.tests_abandon() == 1
    assert services.test_run(test_id=test.pk).state == "FAILED"
    assert after_test(there).state == "HEALTHY"


def test_a_closed_store_stays_readable_after_its_key_was_changed(tmp_path):
    team, there = team_make(), healthy_make(tmp_path / "there")
    home_give(team, there)
    sha256 = file_of(team, b"kept")
    services.backend_close(actor=operator_make(), backend_id=there.pk)

    after_test(there)

    assert StorageBackend.objects.get(pk=there.pk).state == "READ_ONLY"
    assert b"".join(blob_chunks(sha256)) == b"kept"
    assert places_of(sha256) == (there.pk,)
    assert path_in(tmp_path / "there", sha256).exists()
