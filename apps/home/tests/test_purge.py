"""Removing bytes: what is looked at before, what is refused, what stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.blobs import blob_chunks, blob_exists
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets import services as datasets
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.deployments.tests.factories import (
    Stage,
    approve,
    browser,
    live_make,
    request_make,
    stage_make,
    text_of,
    version_make,
    withdraw,
)
from apps.experiments import services as experiments
from apps.experiments.models import Artifact, Run
from apps.experiments.tests.factories import artifact_make, experiment_make, run_actor, run_make
from apps.home.storage import previews
from apps.jobs.tests.factories import job_make
from apps.registry import services as registry
from apps.registry.models import ModelVersion
from apps.registry.tests.factories import version_make as registered_make
from apps.reviews.services import request_withdraw

pytestmark = pytest.mark.django_db


def run_ended(stage: Stage, content: bytes = b"<b>notes</b>") -> Run:
    """A finished run on the stage's data with a file of its own."""
    run = run_make(
        stage.scientist,
        experiment_make(stage.scientist, stage.team),
        code={"commit": "c" * 40},
        environment={"lock_digest": "e" * 64},
        inputs=[(stage.data, "training")],
    )
    artifact_make(stage.scientist, run, content=content)
    experiments.run_finish(actor=stage.scientist, run_id=run.pk, status="FINISHED")
    run.refresh_from_db()
    return run


def version_of(stage: Stage, run: Run) -> ModelVersion:
    return registered_make(stage.scientist, stage.team, model=stage.model, run=run)


def data_purge(stage: Stage, actor: Actor | None = None) -> DatasetVersion:
    return datasets.version_purge(
        actor=actor or stage.scientist, version_id=stage.data.pk, reason="People asked for it.", confirm=str(stage.data)
    )


def run_purge(stage: Stage, run: Run, **fields: Any) -> Run:
    values = {"actor": stage.scientist, "reason": "Space.", "confirm": run.name, **fields}
    return experiments.run_purge(run_id=run.pk, **values)


def test_the_preview_names_all_that_rests_on_the_data():
    stage = stage_make()
    run = run_ended(stage)
    version = version_of(stage, run)

    preview = previews.data_preview(stage.scientist, stage.data.pk)

    found = {heading: [node.id for node in nodes] for heading, nodes in preview.loses}
    assert found == {"Model versions": [version.pk], "Runs": [run.pk]}
    assert (preview.against, preview.live, preview.refused) == ((), (), False)
    assert preview.bytes_freed == stage.data.size + stage.data.table_size
    assert preview.label == str(stage.data)


def test_a_live_version_keeps_its_data_and_its_run():
    stage = stage_make()
    rollout = live_make(stage)
    run = rollout.model_version.run

    preview = previews.data_preview(stage.scientist, stage.data.pk)

    assert [node.label for node in preview.live] == [f"{rollout.deployment.name}: {rollout.model_version}"]
    assert any("answers in the deployment" in text for text in preview.against)
    with pytest.raises(Conflict) as data_error:
        data_purge(stage)
    assert data_error.value.items == list(preview.against)
    experiments.run_finish(actor=stage.scientist, run_id=run.pk, status="FINISHED")
    Run.objects.filter(pk=run.pk, sealed_at__isnull=True).update(status="FINISHED")
    with pytest.raises(Conflict):
        run_purge(stage, run)
    assert blob_exists(stage.data.content_digest)


def test_an_open_request_keeps_the_data_until_it_is_withdrawn(django_capture_on_commit_callbacks):
    stage = stage_make()
    request = request_make(stage)

    with pytest.raises(Conflict, match="needed") as error:
        data_purge(stage)
    assert any("decide or withdraw it first" in text for text in error.value.items)

    request_withdraw(actor=stage.scientist, request_id=request.pk, reason="Not now.")
    _jobs_end(stage)
    with django_capture_on_commit_callbacks(execute=True):
        data_purge(stage)
    assert not blob_exists(stage.data.content_digest)


def test_a_standing_approval_keeps_the_data_until_it_is_withdrawn():
    stage = stage_make()
    request = request_make(stage)
    approve(stage, request)
    _jobs_end(stage)

    with pytest.raises(Conflict) as error:
        data_purge(stage)
    assert any("withdraw the approval" in text or "is being loaded" in text for text in error.value.items)


def test_data_that_only_an_evaluation_used_is_kept_by_its_open_request():
    stage = stage_make()
    trained = version_make(stage)
    other = version_sealed(stage.scientist, dataset_make(stage.scientist, stage.team, stage.problem), _csv(70))
    stage.data = other
    request_make(stage, trained)

    with pytest.raises(Conflict) as error:
        data_purge(stage)

    assert any("is not decided" in text for text in error.value.items)


def test_an_archived_version_frees_its_data(django_capture_on_commit_callbacks):
    stage = stage_make()
    rollout = live_make(stage)
    withdraw(stage, rollout)
    _jobs_end(stage)

    with django_capture_on_commit_callbacks(execute=True):
        data_purge(stage)

    assert not blob_exists(stage.data.content_digest)


def test_an_open_job_keeps_the_bytes_that_it_reads():
    stage = stage_make()
    job_make(
        stage.scientist,
        stage.team,
        files=[{"sha256": stage.data.table_sha256, "size": stage.data.table_size, "name": "table.parquet"}],
    )

    with pytest.raises(Conflict) as error:
        data_purge(stage)

    assert any("needs these bytes now" in text for text in error.value.items)


def test_the_tombstone_of_data_keeps_hash_and_reason_and_never_changes(django_capture_on_commit_callbacks):
    stage = stage_make()
    run = run_ended(stage)
    digest, table = stage.data.content_digest, stage.data.table_sha256

    with django_capture_on_commit_callbacks(execute=True):
        data_purge(stage)

    stage.data.refresh_from_db()
    assert (stage.data.content_digest, stage.data.purge_reason) == (digest, "People asked for it.")
    assert not blob_exists(digest)
    assert not blob_exists(table)
    assert AuditEvent.objects.filter(action="dataset.version_purged", reason="People asked for it.").count() == 1
    assert blob_exists(Artifact.objects.get(run=run).sha256)
    for change in ({"purged_at": None}, {"purge_reason": "Another."}):
        with pytest.raises(IntegrityError), transaction.atomic():
            DatasetVersion.objects.filter(pk=stage.data.pk).update(**change)
    with pytest.raises(Conflict):
        datasets.version_cite(actor=stage.scientist, version_id=stage.data.pk)


def test_bytes_that_another_team_has_too_stay(django_capture_on_commit_callbacks):
    stage = stage_make()
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())
    team_id = next(iter(stranger.team_ids("data.edit") or ()))
    twin = version_sealed(stranger, dataset_make(stranger, Team.objects.get(pk=team_id)), _bytes(stage.data))

    preview = previews.data_preview(stage.scientist, stage.data.pk)
    assert (preview.bytes_freed, preview.bytes_kept) == (0, stage.data.size + stage.data.table_size)
    assert {r.label for f in preview.files for r in f.kept_by} == {""}
    with django_capture_on_commit_callbacks(execute=True):
        data_purge(stage)

    assert blob_exists(twin.content_digest)


def test_a_purged_run_leaves_paths_and_hashes(django_capture_on_commit_callbacks):
    stage = stage_make()
    run = run_ended(stage)
    sha256 = Artifact.objects.get(run=run).sha256

    with django_capture_on_commit_callbacks(execute=True):
        run_purge(stage, run)

    run.refresh_from_db()
    assert (run.purged_at is not None, run.purge_reason) == (True, "Space.")
    assert not blob_exists(sha256)
    assert Artifact.objects.get(run=run).sha256 == sha256
    entry = AuditEvent.objects.get(action="run.purged")
    assert entry.after["files"] == [{"path": "notes/report.html", "sha256": sha256, "size": 12}]
    assert run_purge(stage, run).purge_reason == "Space."
    with pytest.raises(Conflict):
        artifact_make(stage.scientist, run, path="more.txt")
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(purge_reason="Another.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Artifact.objects.filter(run=run).delete()


def test_a_version_keeps_the_files_that_it_shares_with_its_purged_run(django_capture_on_commit_callbacks):
    stage = stage_make()
    run = run_ended(stage)
    version = version_of(stage, run)
    own = Artifact.objects.get(run=run).sha256

    preview = previews.run_preview(stage.scientist, run.pk)
    assert {r.label for f in preview.files for r in f.kept_by} == {f"{version.model.name} {version.number}"}
    assert preview.bytes_freed == 12
    with django_capture_on_commit_callbacks(execute=True):
        run_purge(stage, run)

    assert not blob_exists(own)
    assert all(blob_exists(row["sha256"]) for row in version.manifest)
    with pytest.raises(Conflict):
        registry.model_version_create(
            actor=stage.scientist, model_id=stage.model.pk, run_id=run.pk, facts={"path": "x"}, trained_by_id=None
        )


def test_a_run_is_purged_by_a_data_scientist_who_types_its_name_and_a_reason():
    stage = stage_make()
    run = run_ended(stage)

    for actor in (stage.owner, stage.operator):
        with pytest.raises(Forbidden):
            run_purge(stage, run, actor=actor)
    with pytest.raises(Forbidden):
        run_purge(stage, run, actor=run_actor(run))
    with pytest.raises(NotFound):
        run_purge(stage, run, actor=actor_make(Role.DATA_SCIENTIST, team_make()))
    with pytest.raises(Invalid):
        run_purge(stage, run, confirm="yes")
    with pytest.raises(Invalid):
        run_purge(stage, run, reason="  ")
    run.refresh_from_db()
    assert run.purged_at is None


def test_a_run_that_goes_on_is_not_purged():
    stage = stage_make()
    run = run_make(stage.scientist, experiment_make(stage.scientist, stage.team))

    with pytest.raises(Conflict, match="goes on"):
        run_purge(stage, run)

    assert "The run goes on: end it first." in previews.run_preview(stage.scientist, run.pk).against


def test_the_page_shows_what_is_lost_and_removes_once_the_name_is_typed(django_capture_on_commit_callbacks):
    stage = stage_make()
    run = run_ended(stage)
    client, url = browser(stage.scientist), reverse("purge-dataset-version", args=[stage.data.pk])

    page = text_of(client.get(url))
    assert run.name in page
    assert "could not be made again" in page
    refused = client.post(url, {"reason": "Space.", "confirmation": "no"})
    assert refused.status_code == 422
    assert "Space." in text_of(refused)
    with django_capture_on_commit_callbacks(execute=True):
        done = client.post(url, {"reason": "Space.", "confirmation": str(stage.data)})
    assert done["Location"] == reverse("dataset-version-detail", args=[stage.data.pk])
    assert "Space." in text_of(client.get(done["Location"]))
    assert "removed already" in text_of(client.get(url))


def test_the_page_of_a_run_leads_to_the_preview_and_shows_the_tombstone():
    stage = stage_make()
    run = run_ended(stage)
    client, url = browser(stage.scientist), reverse("purge-run", args=[run.pk])

    assert url in client.get(reverse("run-detail", args=[run.pk])).content.decode()
    assert client.post(url, {"reason": "Space.", "confirmation": run.name}).status_code == 302
    page = text_of(client.get(reverse("run-detail", args=[run.pk])))
    assert "The files were removed" in page
    assert url not in page


def test_the_page_refuses_while_something_live_rests_on_it():
    stage = stage_make()
    live_make(stage)
    client, url = browser(stage.scientist), reverse("purge-dataset-version", args=[stage.data.pk])

    page = text_of(client.get(url))

    assert "These bytes are needed" in page
    assert "to confirm" not in page
    assert client.post(url, {"reason": "x", "confirmation": str(stage.data)}).status_code == 409


def test_the_page_needs_few_queries_however_much_was_live(django_assert_max_num_queries):
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    client, url = browser(stage.scientist), reverse("purge-dataset-version", args=[stage.data.pk])
    client.get(url)

    with django_assert_max_num_queries(15):
        client.get(url)


def test_others_do_not_reach_the_preview():
    stage = stage_make()
    url = reverse("purge-dataset-version", args=[stage.data.pk])

    assert browser(stage.owner).get(url).status_code == 403
    assert browser(actor_make(Role.DATA_SCIENTIST, team_make())).get(url).status_code == 404


def test_the_api_previews_and_purges(django_capture_on_commit_callbacks):
    stage = stage_make()
    run = run_ended(stage)
    client = browser(stage.scientist)

    data = client.get(reverse("api-dataset-version-purge-preview", args=[stage.data.pk])).json()
    assert data["loses"] == [{"type": "experiments.run", "id": str(run.pk), "label": run.name}]
    url = reverse("api-run-purge", args=[run.pk])
    assert client.get(url).json()["bytes_freed"] == 12
    wrong = client.post(url, {"confirm": "no", "reason": "Space."}, content_type="application/json")
    assert wrong.status_code == 400
    with django_capture_on_commit_callbacks(execute=True):
        done = client.post(url, {"confirm": run.name, "reason": "Space."}, content_type="application/json")
    assert (done.status_code, done.json()["purged"]) == (200, True)


def _csv(rows: int) -> bytes:
    return csv_bytes(rows_make(rows))


def _bytes(version: DatasetVersion) -> bytes:
    return b"".join(blob_chunks(version.content_digest))


def _jobs_end(stage: Stage) -> None:
    """End the jobs of evaluations, which the factory leaves open."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET state = 'SUCCEEDED' WHERE team_id = %s", [stage.team.pk])
