"""A running evaluation tells what it knows so far, marked as such; nothing of it is left when it has ended."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from analysis.contracts.metrics import metric_get
from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.core.errors import Conflict
from apps.evaluations import selectors, services
from apps.evaluations.contracts import value_text
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import evaluation_complete, evaluation_running, report_make, stage_make
from apps.jobs import services as jobs
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, exited
from apps.problems import selectors as problems

pytestmark = pytest.mark.django_db


def _begun(stage, result):
    """An evaluation whose child has posted something; the report that it holds."""
    evaluation = evaluation_running(stage)
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    JobAttempt.objects.filter(pk=claim.attempt_id).update(result=result)
    return evaluation, claim


def _told(stage):
    agreed = problems.version_current(stage.ground.problem)
    report, _ = report_make(problems.segment_specs(agreed))
    return report, {"preliminary": {"stage": "Every row has been answered.", "report": report.to_json()}}


def _page(stage, evaluation) -> str:
    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.owner.id))
    answer = client.get(reverse("evaluation-detail", args=[evaluation.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_numbers_come_before_the_verdict_and_the_last_complete_one_stands():
    stage = stage_make()
    past = evaluation_complete(stage)
    report, told = _told(stage)
    evaluation, _ = _begun(stage, told)

    page = _page(stage, evaluation)
    user = User.objects.get(pk=stage.ground.scientist.id)
    _, secret = token_create(actor=stage.ground.scientist, user=user, name="t", scopes=["read"], days=1)
    body = Client(headers={"Authorization": f"Bearer {secret}"}).get(f"/api/v1/evaluations/{evaluation.pk}").json()

    assert "Known so far" in page
    assert "preliminary" in page
    assert value_text(metric_get("fnr"), report.group("Colour=Black").metrics["fnr"].value) in page
    assert "Nothing is judged on this" in page
    assert "The last complete evaluation still stands." in page
    assert past.headline in page
    assert 'class="fw-dv"' not in page, "no change is told before it is corrected"
    assert body["report"] is None
    assert body["preliminary"]["stage"] == "Every row has been answered."
    assert body["preliminary"]["report"]["n"] == report.n
    with pytest.raises(Conflict):
        selectors.report_of(evaluation)
    with pytest.raises(Conflict):
        services.export_make(actor=stage.ground.owner, evaluation_id=evaluation.pk, format="PDF")


@pytest.mark.parametrize(
    "result",
    [None, {}, {"preliminary": 1}, {"preliminary": {"stage": 1, "report": {"schema": 9}}}, {"preliminary": {}}],
)
def test_what_is_no_report_is_not_shown(result):
    stage = stage_make()
    evaluation, _ = _begun(stage, result)

    assert "Known so far" not in _page(stage, evaluation)


def test_a_failed_one_keeps_the_last_good_and_nothing_of_what_it_knew():
    stage = stage_make()
    past = evaluation_complete(stage)
    _, told = _told(stage)
    evaluation, claim = _begun(stage, told)

    jobs.job_finish(claim=claim, status=exited(1))

    evaluation.refresh_from_db()
    page = _page(stage, evaluation)
    assert evaluation.state == Evaluation.State.FAILED
    assert "Known so far" not in page
    assert past.headline in page
    assert selectors.preliminary_of(evaluation) is None
    assert selectors.latest_for(stage.candidate) == past


def test_a_child_that_ends_with_preliminary_numbers_alone_has_failed():
    stage = stage_make()
    _, told = _told(stage)
    evaluation, claim = _begun(stage, told)

    job = jobs.job_finish(claim=claim, status=exited(0))

    evaluation.refresh_from_db()
    assert (job.state, evaluation.state) == ("FAILED", "FAILED")
    assert evaluation.report is None
