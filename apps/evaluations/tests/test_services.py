"""Launching and finishing evaluations through real jobs."""

from __future__ import annotations

import hashlib
import json
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit import selectors as audit
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.evaluations import selectors, services
from apps.evaluations.contracts import evaluation_finished_register
from apps.evaluations.contracts.listeners import _listeners
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import (
    evaluation_complete,
    evaluation_end,
    evaluation_running,
    live_set,
    report_make,
    stage_make,
    version_trained,
)
from apps.jobs import services as jobs
from apps.jobs.contracts import job_kind_find
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.lineage import selectors as lineage
from apps.problems import selectors as problems
from apps.problems import services as problem_services
from apps.problems.models import Objective

pytestmark = pytest.mark.django_db


def test_a_launch_takes_the_training_data_and_the_live_version_by_itself():
    stage = stage_make()

    evaluation = evaluation_running(stage)

    assert evaluation.baseline_version == stage.live
    assert evaluation.dataset_version == stage.ground.version
    assert evaluation.number == 1
    spec = evaluation.job.spec
    assert spec["part"] == "test"
    assert spec["candidate"]["version_id"] == str(stage.candidate.pk)
    assert spec["baseline"]["version_id"] == str(stage.live.pk)
    assert [segment["name"] for segment in spec["segments"]] == ["Age", "Colour", "Employed"]
    assert spec["margins"]["fnr"] == 0.05
    assert spec["costs"] == {"false_positive": 1200.0, "false_negative": 400.0}


def test_without_a_live_version_the_trivial_baseline_is_compared():
    stage = stage_make()
    live_set(None)
    trivial = version_trained(stage.ground, recipe="baseline")

    assert evaluation_running(stage).baseline_version == trivial


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRODUCT_OWNER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_may_not_run_jobs_may_not_evaluate(role):
    stage = stage_make()

    with pytest.raises(Forbidden):
        services.evaluation_launch(actor=actor_make(role, stage.team), model_version_id=stage.candidate.pk)


def test_another_team_does_not_know_of_the_version_nor_the_evaluation():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())

    with pytest.raises(NotFound):
        services.evaluation_launch(actor=stranger, model_version_id=stage.candidate.pk)
    with pytest.raises(NotFound):
        selectors.evaluation_get(stranger, evaluation.pk)
    with pytest.raises(NotFound):
        services.evaluation_archive(actor=stranger, evaluation_id=evaluation.pk)


def test_a_version_is_not_compared_with_itself():
    stage = stage_make()

    with pytest.raises(Invalid) as caught:
        evaluation_running(stage, baseline_version_id=stage.candidate.pk)

    assert "baseline_version_id" in caught.value.fields


def test_a_quarantined_version_is_not_loaded():
    stage = stage_make()
    version = stage.candidate
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE registry_modelversion SET state = 'QUARANTINED' WHERE id = %s", [version.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")

    with pytest.raises(Conflict) as caught:
        evaluation_running(stage)

    assert caught.value.code == "version_not_sealed"


def test_the_end_seals_the_report_and_its_words():
    stage = stage_make()

    evaluation = evaluation_complete(stage)

    assert evaluation.state == Evaluation.State.COMPLETE
    assert evaluation.tone == "worse"
    assert "people aged 35 and over" in evaluation.headline
    assert "version 2" in evaluation.headline.lower()
    assert "live version 1" in evaluation.headline
    canonical = json.dumps(evaluation.report, sort_keys=True, separators=(",", ":")).encode()
    assert evaluation.report_digest == hashlib.sha256(canonical).hexdigest()
    assert evaluation.row_count == 1500
    job = Job.objects.get(pk=evaluation.job_id)
    assert job.state == Job.State.SUCCEEDED
    assert job.result["label"].startswith("Evaluation 1: ")
    with pytest.raises(IntegrityError), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(headline="All is well.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(report={})
    with pytest.raises(IntegrityError), transaction.atomic():
        evaluation.segment_versions.clear()


def test_lineage_and_audit_name_what_was_used():
    stage = stage_make()

    evaluation = evaluation_complete(stage)

    graph = lineage.lineage_of(stage.ground.scientist, evaluation._meta.label_lower, evaluation.pk)
    used = {edge.object.id for edge in graph.upstream if edge.depth == 1}
    assert used == {stage.candidate.pk, stage.live.pk, stage.ground.version.pk}
    actions = [event.action for event in audit.audit_list(Actor.system(), object_id=str(evaluation.pk))]
    assert {"evaluation.launch", "evaluation.complete", "gates.judge"} <= set(actions)
    stage.candidate.run.refresh_from_db()
    assert stage.candidate.run.sealed_at is not None


@pytest.mark.parametrize("payload", [{}, {"report": None}, {"report": {"schema": 1}}, {"report": {"schema": 9}}])
def test_a_job_without_a_true_report_ends_failed_and_nothing_is_concluded(payload):
    stage = stage_make()
    evaluation = evaluation_running(stage)

    job = evaluation_end(evaluation, payload)

    evaluation.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert evaluation.state == Evaluation.State.FAILED
    assert evaluation.report is None
    assert "report" in evaluation.cause.lower()


def test_a_report_of_another_task_is_refused():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    report, _ = report_make(problems.segment_specs(evaluation.problem_version))

    job = evaluation_end(evaluation, {"report": report.to_json() | {"task": "RANKING"}})

    evaluation.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "of another task than the problem" in evaluation.cause


def test_a_listener_that_refuses_takes_the_completion_back():
    stage = stage_make()
    evaluation = evaluation_running(stage)

    def refuse(found):
        raise Conflict("The room above says no.")

    evaluation_finished_register(refuse)
    try:
        report, _ = report_make(problems.segment_specs(evaluation.problem_version))
        job = evaluation_end(evaluation, {"report": report.to_json()})
    finally:
        _listeners.remove(refuse)

    evaluation.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert evaluation.state == Evaluation.State.FAILED
    assert "The room above says no." in evaluation.cause


def test_a_failed_job_says_its_cause_and_a_retry_is_a_new_evaluation():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(3))
    evaluation.refresh_from_db()

    again = jobs.job_retry(actor=stage.ground.scientist, job_id=evaluation.job_id)

    assert evaluation.state == Evaluation.State.FAILED
    fresh = Evaluation.objects.get(job_id=again.pk)
    assert fresh.number == 2
    assert fresh.model_version_id == evaluation.model_version_id
    assert set(fresh.segment_versions.all()) == set(evaluation.segment_versions.all())
    assert fresh.state == Evaluation.State.RUNNING


def _failed(stage, **fields) -> Evaluation:
    evaluation = evaluation_running(stage, **fields)
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(3))
    evaluation.refresh_from_db()
    return evaluation


def _problem_moves_on(stage) -> None:
    """Another question in force: costs and segments of today."""
    ground = stage.ground
    problem_services.segment_save(
        actor=ground.scientist,
        problem_id=ground.problem.pk,
        name="Employed",
        expression="employed == 'Yes'",
        purpose="OPERATIONAL",
    )
    draft = problem_services.problem_version_new(
        actor=ground.scientist, problem_id=ground.problem.pk, reason="Prices rose."
    )
    problem_services.problem_submit(actor=ground.scientist, version_id=draft.pk)
    problem_services.problem_accept(actor=ground.owner, version_id=draft.pk)


def test_a_retry_judges_what_holds_now_and_the_page_says_what_changed():
    stage = stage_make()
    failed = _failed(stage)
    _problem_moves_on(stage)
    newer = version_trained(stage.ground)
    live_set(newer)

    job = jobs.job_retry(actor=stage.ground.scientist, job_id=failed.job_id)

    fresh = Evaluation.objects.get(job_id=job.pk)
    agreed = problems.version_current(stage.ground.problem)
    assert agreed is not None
    assert fresh.problem_version_id == agreed.pk != failed.problem_version_id
    assert set(fresh.segment_versions.all()) == set(problems.segments_of(agreed))
    assert fresh.baseline_version == newer
    job.refresh_from_db()
    assert job.spec["baseline"]["version_id"] == str(newer.pk)
    assert job.spec["segments"] == [one.to_json() for one in problems.segment_specs(agreed)]
    assert {row["sha256"] for row in job.files} >= {row["sha256"] for row in job.spec["baseline"]["files"]}
    assert str(newer.number) in job.title
    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.scientist.id))
    page = client.get(reverse("job-detail", args=[job.pk])).content.decode()
    old = client.get(reverse("job-detail", args=[failed.job_id])).content.decode()
    assert "Changed since evaluation 1" in page
    assert f"problem version {agreed.number}, then 1; against {newer}, then {stage.live}" in page
    assert "by what holds now" in old


def test_a_retry_keeps_the_baseline_that_a_person_chose():
    stage = stage_make()
    chosen = version_trained(stage.ground, recipe="baseline")
    failed = _failed(stage, baseline_version_id=chosen.pk)
    live_set(version_trained(stage.ground))

    job = jobs.job_retry(actor=stage.ground.scientist, job_id=failed.job_id)

    assert Evaluation.objects.get(job_id=job.pk).baseline_version == chosen


def test_a_retry_of_what_cannot_be_evaluated_any_more_is_refused_and_queues_nothing():
    stage = stage_make()
    failed = _failed(stage)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE registry_modelversion SET state = 'QUARANTINED' WHERE id = %s", [stage.candidate.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    before = Job.objects.count()

    with pytest.raises(Conflict) as caught:
        jobs.job_retry(actor=stage.ground.scientist, job_id=failed.job_id)

    assert caught.value.code == "version_not_sealed"
    assert Job.objects.count() == before


def test_the_kind_tells_the_job_page_what_it_works_for():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    kind = job_kind_find("evaluate")

    facts = {fact.label: fact for fact in kind.facts(stage.ground.scientist, evaluation.job)}

    assert str(evaluation.pk) in kind.subject_url(evaluation.job)
    assert facts["Against"].text == str(stage.live)
    assert facts["Threshold"].text == "0.750"


def test_archiving_hides_and_restores_without_touching_the_seal():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    services.evaluation_archive(actor=stage.ground.scientist, evaluation_id=evaluation.pk)

    assert not selectors.evaluation_list(stage.ground.scientist).filter(pk=evaluation.pk).exists()
    assert selectors.latest_for(stage.candidate) is None
    services.evaluation_archive(actor=stage.ground.scientist, evaluation_id=evaluation.pk, archived=False)
    assert selectors.latest_for(stage.candidate) == evaluation


def test_findings_are_stored_by_digest_and_sealed_with_the_evaluation():
    evaluation = evaluation_complete(stage_make(), findings=True)

    assert evaluation.findings_digest == services.report_digest(evaluation.findings)
    assert selectors.findings_of(evaluation).to_json() == evaluation.findings
    assert evaluation.flips_sha256
    entry = AuditEvent.objects.get(action="evaluation.complete")
    assert entry.after["findings_digest"] == evaluation.findings_digest
    evaluation.findings = {"schema": 1}
    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
        evaluation.save()


def test_findings_that_are_none_end_the_job_failed_with_the_reason():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    report, _ = report_make(problems.segment_specs(evaluation.problem_version))

    job = evaluation_end(evaluation, {"report": report.to_json(), "findings": {"schema": 1, "slices": {}}})

    evaluation.refresh_from_db()
    assert (job.state, evaluation.state) == ("FAILED", "FAILED")
    assert "findings" in evaluation.cause


def test_what_a_problem_allows_between_groups_limits_the_criterion_that_asks_the_same():
    objective = Objective(metric="selection_rate", scope="DISPARITY", comparison="ABSOLUTE", segment="Age", limit=0.1)
    live = Objective(metric="tpr", scope="DISPARITY", comparison="LIVE", segment="Age", limit=0.1)
    missed = Objective(metric="fnr", scope="DISPARITY", comparison="ABSOLUTE", segment="Age", limit=0.2)

    assert selectors.criteria_limits_of([objective, live, missed]) == {
        "Age": {"DEMOGRAPHIC_PARITY": 0.1, "EQUAL_OPPORTUNITY": 0.2}
    }


def test_wear_counts_every_look_and_the_decisions_that_rooms_above_count():
    stage = stage_make()
    data_id = evaluation_complete(stage).dataset_version_id
    objectives = problems.objective_list(problems.version_current(stage.ground.problem))
    margin = selectors.wear_margin(objectives)

    first = selectors.wear_of(data_id, margin)
    second = evaluation_complete(stage)
    services.evaluation_archive(actor=stage.ground.scientist, evaluation_id=second.pk)
    evaluation_running(stage)
    after = selectors.wear_of(data_id, margin)

    assert first is not None
    assert after is not None
    assert (first.wear.looks, first.wear.decisions, after.wear.looks) == (1, 0, 2), (
        "an archived one was looked at, a running one not"
    )
    assert after.wear.n == second.row_count
    assert after.wear.error > first.wear.error
    assert selectors.wear_of(uuid.uuid4(), margin) is None
    assert selectors.wear_margin(()) == 0.05
    assert margin == 0.05
