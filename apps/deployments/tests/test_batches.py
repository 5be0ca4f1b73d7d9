"""Batch scores: only what answers may score, judged again when the job begins and ends; one result, sealed, logged."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.blob_references import reference_exists
from apps.core.errors import Conflict, FairwayError, Forbidden, Invalid, NotFound
from apps.datasets.services import version_roles_save
from apps.datasets.tests.factories import dataset_make, version_sealed
from apps.deployments import selectors, services
from apps.deployments.models import BatchScore, PredictionLog, Rollout
from apps.deployments.tests.batches import begin, complete, end, launch, rows_of, scoring_make, told
from apps.deployments.tests.factories import (
    Stage,
    deployment_of,
    live_make,
    row_make,
    rows_store,
    stage_make,
    version_make,
    withdraw,
)
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.lineage.models import LineageEdge

pytestmark = pytest.mark.django_db


def test_a_table_is_scored_by_the_version_that_answers() -> None:
    stage = stage_make()
    rollout = scoring_make(stage, threshold=0.3)

    batch = complete(stage, rollout, refused=3)

    rows = rows_of(stage.data)
    assert (batch.number, batch.model_version, batch.threshold) == (1, rollout.model_version, 0.3)
    assert (batch.row_count, batch.scored, batch.refused) == (rows, rows - 3, 3)
    assert reference_exists(batch.sha256)
    assert reference_exists(batch.csv_sha256)
    edges = set(LineageEdge.objects.filter(subject_id=batch.pk).values_list("relation", "object_type"))
    assert edges == {
        ("USED", "registry.modelversion"),
        ("USED", "datasets.datasetversion"),
        ("AUTHORISED_BY", "reviews.decision"),
    }
    said = AuditEvent.objects.filter(object_id=str(batch.pk)).order_by("pk").values_list("action", flat=True)
    assert list(said) == ["batch_score.launch", "batch_score.complete"]


def test_the_child_is_told_what_a_host_is_told() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)

    batch = launch(stage, rollout)

    spec = Job.objects.get(pk=batch.job_id).spec
    [entry] = services.routes_document(b"k" * 40).document["deployments"]
    assert spec["version"] == next(one for one in entry["versions"] if one["id"] == str(rollout.model_version_id))
    assert spec["table"]["sha256"] == stage.data.table_sha256


def test_an_identifying_column_is_told_unless_it_is_masked() -> None:
    stage = stage_make()
    version_roles_save(actor=stage.scientist, version_id=stage.data.pk, roles={"checks": "ID"})
    stage.data.refresh_from_db()
    rollout = scoring_make(stage)
    told_of = Job.objects.get(pk=launch(stage, rollout).job_id).spec["id_column"]
    deployment = deployment_of(stage)
    deployment.mask = ["checks"]
    deployment.save()

    assert told_of == "checks"
    assert Job.objects.get(pk=launch(stage, rollout).job_id).spec["id_column"] is None


def test_a_complete_batch_score_is_sealed() -> None:
    stage = stage_make()
    batch = complete(stage, scoring_make(stage))

    for change in ({"scored": 1}, {"sha256": "0" * 64}, {"state": "RUNNING"}):
        with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
            BatchScore.objects.filter(pk=batch.pk).update(**change)


def test_rows_are_logged_beside_calls_and_counted_once() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    deployment = deployment_of(stage)
    rows_store(row_make(deployment, rollout), row_make(deployment, rollout, status=400))

    batch = complete(stage, rollout, refused=2)

    rows = rows_of(stage.data)
    logged = PredictionLog.objects.filter(batch_score_id=batch.pk).order_by("status")
    assert [(one.status, one.rows, one.version_id) for one in logged] == [
        (200, rows - 2, rollout.model_version_id),
        (400, 2, rollout.model_version_id),
    ]
    assert {one.latency_ms for one in logged} == {2500.0}
    traffic = selectors.traffic_of(deployment)
    assert (traffic.count, traffic.refused, traffic.batch, traffic.batch_refused) == (2, 1, rows - 2, 2)
    assert sum(bucket["count"] for bucket in traffic.buckets) == 2
    assert sum(bucket["batch"] for bucket in traffic.buckets) == rows - 2
    assert traffic.p95 == 2.5, "how long a table took is no latency of a call"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRODUCT_OWNER, Role.AUDITOR])
def test_who_may_not_run_jobs_may_not_score(role: Role) -> None:
    stage = stage_make()
    rollout = scoring_make(stage)

    with pytest.raises(Forbidden, match="a data scientist or an operator has it"):
        launch(stage, rollout, actor_make(role, stage.team))

    assert not BatchScore.objects.exists()


def test_another_team_sees_neither_deployment_nor_table() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    strangers = team_make()
    stranger = actor_make(Role.DATA_SCIENTIST, strangers)
    theirs = version_sealed(stranger, dataset_make(stranger, strangers))

    with pytest.raises(NotFound):
        launch(stage, rollout, stranger)
    with pytest.raises(NotFound):
        launch(stage, rollout, dataset_version_id=theirs.pk)
    with pytest.raises(NotFound):
        selectors.batch_get(stranger, complete(stage, rollout).pk)


def test_a_version_that_does_not_answer_is_refused_with_who_can_do_what() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    unapproved = version_make(stage)

    with pytest.raises(Conflict, match=r"does not answer here.*roduct owner approves one.*live again") as refused:
        launch(stage, rollout, model_version_id=unapproved.pk)

    assert refused.value.code == "not_answering"
    with pytest.raises(NotFound):
        launch(stage, rollout, model_version_id=uuid.uuid4())


def _pause(stage: Stage, rollout: Rollout) -> None:
    services.deployment_pause(actor=stage.operator, deployment_id=rollout.deployment_id, reason="Wait.")


def _kill(stage: Stage, rollout: Rollout) -> None:
    services.deployment_kill(actor=stage.owner, deployment_id=rollout.deployment_id, reason="Wrong.")


def _retire(stage: Stage, rollout: Rollout) -> None:
    services.deployment_retire(actor=stage.operator, deployment_id=rollout.deployment_id, reason="Over.")


STOPS: list[Any] = [_pause, _kill, _retire, withdraw]


@pytest.mark.parametrize("stop", STOPS)
def test_what_was_stopped_scores_nothing(stop: Any) -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    stop(stage, rollout)

    with pytest.raises(Conflict):
        launch(stage, rollout)


@pytest.mark.parametrize("stop", STOPS)
def test_a_version_that_is_stopped_while_the_job_waits_does_not_begin(stop: Any) -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    batch = launch(stage, rollout)
    stop(stage, rollout)

    with pytest.raises(FairwayError, match="not kept"):
        services.batch_score_begins(Job.objects.get(pk=batch.job_id))


@pytest.mark.parametrize("stop", STOPS)
def test_a_version_that_is_stopped_while_the_job_runs_leaves_nothing(stop: Any) -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    batch = launch(stage, rollout)
    claim = begin(batch)
    stop(stage, rollout)

    job = end(batch, claim)

    assert (job.state, batch.state, batch.sha256) == ("FAILED", "FAILED", "")
    assert "not kept" in batch.cause
    assert not PredictionLog.objects.filter(batch_score_id=batch.pk).exists()
    assert not LineageEdge.objects.filter(subject_id=batch.pk).exists()


def test_a_newer_version_beside_it_takes_nothing_away() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    batch = launch(stage, rollout)
    claim = begin(batch)
    live_make(stage)

    end(batch, claim)

    assert (batch.state, batch.model_version) == ("COMPLETE", rollout.model_version)


def test_a_table_that_the_model_cannot_read_is_refused_at_the_field() -> None:
    stage = stage_make()
    missing = live_make(stage)

    with pytest.raises(Invalid, match="no column") as refused:
        launch(stage, missing)

    assert list(refused.value.fields) == ["dataset_version_id"]
    assert not Job.objects.filter(kind="score").exists()


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"score": "none"},
        {"score": {"scored": 1}},
        {"score": {**told(10), "scored": -1}},
        {"score": {**told(10), "seconds": "long"}},
        {"score": {**told(10), "labels": [["No", 10**40]]}},
        {"score": {**told(10), "refusals": [{"row": 0, "field": "a", "why": "b"}]}},
        {"score": told(10**6)},
    ],
)
def test_a_result_that_is_none_is_not_kept(result: dict[str, Any]) -> None:
    stage = stage_make()
    batch = launch(stage, scoring_make(stage))

    job = end(batch, begin(batch), result=result or {"other": 1})

    assert (job.state, batch.state, batch.result) == ("FAILED", "FAILED", None)


def test_a_job_without_its_files_is_not_kept() -> None:
    stage = stage_make()
    batch = launch(stage, scoring_make(stage))

    end(batch, begin(batch), files=False)

    assert (batch.state, batch.cause) == ("FAILED", "The result was not accepted: The job ended without its files.")


def test_the_same_key_is_the_same_batch_score() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)

    first, second = (launch(stage, rollout, idempotency_key="form:1") for _ in range(2))

    assert first.pk == second.pk
    assert Job.objects.filter(kind="score").count() == 1
    assert launch(stage, rollout).number == 2


def test_a_cancelled_job_leaves_none_and_a_retried_one_leaves_one() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    batch = launch(stage, rollout)
    jobs.job_cancel(actor=stage.scientist, job_id=batch.job_id, reason="Too early.")
    batch.refresh_from_db()

    new = jobs.job_retry(actor=stage.scientist, job_id=batch.job_id)
    same = jobs.job_retry(actor=stage.scientist, job_id=batch.job_id)
    again = BatchScore.objects.get(job=new)
    end(again, begin(again))

    assert (batch.state, batch.sha256, new.pk) == ("CANCELLED", "", same.pk)
    assert (again.number, again.state) == (2, "COMPLETE")
    assert BatchScore.objects.filter(state="COMPLETE").count() == 1


def test_a_retry_is_refused_when_the_version_answers_no_more() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    batch = launch(stage, rollout)
    end(batch, begin(batch), code=1)
    live_make(stage)

    with pytest.raises(Conflict, match="does not answer here"):
        jobs.job_retry(actor=stage.scientist, job_id=batch.job_id)

    assert BatchScore.objects.count() == 1


def test_rows_are_for_who_works_with_them_and_counts_for_all() -> None:
    stage = stage_make()
    batch = complete(stage, scoring_make(stage))
    viewer = actor_make(Role.VIEWER, stage.team)

    seen = selectors.batch_get(viewer, batch.pk)

    assert seen.scored == batch.scored
    with pytest.raises(Forbidden, match="may have the file"):
        selectors.batch_file(viewer, seen, "csv")
    for actor in (stage.scientist, stage.owner, stage.operator):
        assert selectors.batch_file(actor, batch, "parquet") == (batch.sha256, batch.size)
