"""The storage page, its check, and the commands."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.blob_references import blob_source_list, disk_use, references_without_bytes
from apps.core.blobs import blob_exists, blob_write
from apps.core.errors import Forbidden
from apps.core.models import StoredBlob
from apps.datasets import services as datasets
from apps.deployments.tests.factories import browser, stage_make, text_of, version_make
from apps.home.storage import selectors, services
from apps.home.tasks import store_care
from apps.notices.models import Notice

pytestmark = pytest.mark.django_db
FIGURES = "/admin/storage/?figures=1"


def path_of(store: Path, sha256: str) -> Path:
    return store / "blobs" / sha256[:2] / sha256[2:4] / sha256


def test_every_room_that_stores_files_says_what_it_needs():
    assert {source.key for source in blob_source_list()} == {
        "code.bundle",
        "code.environment",
        "deployments.batch",
        "datasets.file",
        "datasets.table",
        "experiments.file",
        "experiments.model",
        "registry.version",
        "evaluations.result",
        "evaluations.export",
        "jobs.input",
        "jobs.output",
        "traces.file",
    }


def test_data_runs_versions_and_uploads_are_counted_for_their_team():
    stage = stage_make()
    version = version_make(stage)
    upload = datasets.upload_begin(
        actor=stage.scientist, dataset_id=stage.data.dataset_id, filename="more.csv", size=3_000_000
    )
    datasets.upload_part(actor=stage.scientist, upload_id=upload.pk, offset=0, data=b"a,b\n1,2\n" * 131_072)

    rows = {row.key: row for row in disk_use(frozenset({stage.team.pk}))}

    size = sum(row["size"] for row in version.manifest)
    assert (rows["datasets.file"].bytes, rows["datasets.table"].bytes) == (stage.data.size, stage.data.table_size)
    assert (rows["registry.version"].bytes, rows["experiments.model"].bytes) == (size, size)
    assert rows["datasets.upload"].bytes == 1_048_576
    team = next(use for use in selectors.use_by_team(Actor.system()) if use.team.pk == stage.team.pk)
    assert team.bytes == stage.data.size + stage.data.table_size + size
    assert references_without_bytes() == []


def test_the_collector_leaves_everything_that_the_product_made(store):
    stage = stage_make()
    version = version_make(stage)
    StoredBlob.objects.update(written_at=timezone.now() - timedelta(days=3))
    lonely = blob_write([b"nobody came for it"])
    StoredBlob.objects.filter(pk=lonely.sha256).update(written_at=timezone.now() - timedelta(days=3))

    store_care()

    assert not blob_exists(lonely.sha256)
    hashes = [stage.data.content_digest, stage.data.table_sha256, *(row["sha256"] for row in version.manifest)]
    assert all(blob_exists(sha256) for sha256 in hashes)
    entry = AuditEvent.objects.get(action="store.collected")
    assert entry.after == {"files": 1, "bytes": lonely.size}
    assert not StoredBlob.objects.filter(checked_at__isnull=True).exists()


def test_administrators_see_the_whole_store_and_start_a_check():
    stage = stage_make()
    version_make(stage)
    client = browser(actor_make(Role.ADMINISTRATOR))

    page = text_of(client.get(FIGURES))

    assert stage.team.name in page
    assert "model versions" in page
    assert "Check every file now" in page
    assert client.post(reverse("storage-check")).status_code == 302
    files = text_of(client.get(reverse("storage-file-list")))
    assert stage.data.content_digest[:8] in files
    one = text_of(client.get(reverse("storage-file", args=[stage.data.content_digest])))
    assert str(stage.data) in one
    assert client.get(reverse("storage-file", args=["0" * 64])).status_code == 404


def test_a_team_administrator_sees_the_own_team_only():
    stage, other = stage_make(), stage_make()
    client = browser(actor_make(Role.ADMINISTRATOR, stage.team))

    page = text_of(client.get(FIGURES))

    assert stage.team.name in page
    assert other.team.name not in page
    assert "Check every file now" not in page
    assert client.get(reverse("storage-file-list")).status_code == 403
    assert client.post(reverse("storage-check")).status_code == 403
    rows = client.get(reverse("api-storage-use")).json()
    assert [row["team"] for row in rows] == [stage.team.name]


def test_a_data_scientist_sees_no_storage_page():
    stage = stage_make()

    assert browser(stage.scientist).get(reverse("storage-usage")).status_code == 403
    with pytest.raises(Forbidden):
        services.store_check_request(actor=stage.scientist)


def test_the_page_needs_few_queries(django_assert_max_num_queries):
    stage_make()
    client = browser(actor_make(Role.ADMINISTRATOR))
    client.get(FIGURES)

    with django_assert_max_num_queries(15):
        client.get(FIGURES)


def test_the_page_comes_at_once_and_its_figures_apart():
    stage = stage_make()
    client = browser(actor_make(Role.ADMINISTRATOR))

    page = client.get(reverse("storage-usage")).content.decode()
    part = client.get(reverse("storage-usage"), headers={"HX-Request": "true"}).content.decode()

    assert stage.team.name not in page.partition("<main")[2]
    assert 'hx-trigger="load"' in page
    assert stage.team.name in part
    assert "<html" not in part


def test_an_empty_store_is_no_fault():
    page = text_of(browser(actor_make(Role.ADMINISTRATOR)).get(FIGURES))

    assert "The store is empty" in page


def test_a_flipped_byte_is_printed_shown_audited_and_told(store):
    stage = stage_make()
    keeper = actor_make(Role.ADMINISTRATOR)
    path = path_of(store, stage.data.content_digest)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("blobs_verify", stdout=out)

    assert f"flipped {stage.data.content_digest} needed by uploaded data: {stage.data}" in out.getvalue()
    assert AuditEvent.objects.get(action="store.faults").after["flipped"] == [stage.data.content_digest]
    assert Notice.objects.filter(user_id=keeper.id, kind="store.fault").count() == 1
    assert "1 stored file is not as written" in text_of(browser(keeper).get(FIGURES))


def test_a_missing_file_is_in_the_json_report(store):
    stage = stage_make()
    path_of(store, stage.data.table_sha256).unlink()
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("blobs_verify", "--json", stdout=out)

    report = json.loads(out.getvalue())
    assert (report["ok"], report["missing"], report["flipped"]) == (False, [stage.data.table_sha256], [])
    assert report["needed_by"][stage.data.table_sha256] == [f"tables of data: {stage.data}"]


def test_a_whole_store_is_said_to_be_whole():
    stage_make()
    out = StringIO()

    call_command("blobs_verify", stdout=out)

    assert "2 files of" in out.getvalue()


def test_collecting_by_hand_says_what_would_go_and_keeps_the_grace_time():
    lonely = blob_write([b"lonely"])
    StoredBlob.objects.update(written_at=timezone.now() - timedelta(hours=3))
    out = StringIO()

    call_command("blobs_collect", "--dry-run", "--hours", "2", stdout=out)
    assert out.getvalue().split() == [lonely.sha256]
    call_command("blobs_collect", stdout=out)
    assert blob_exists(lonely.sha256)
    call_command("blobs_collect", "--hours", "2", stdout=out)
    assert not blob_exists(lonely.sha256)
    with pytest.raises(CommandError):
        call_command("blobs_collect", "--hours", "0")
