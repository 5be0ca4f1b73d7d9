"""Several versions of one evaluation: asked at the launch, refused with a sentence at the field, shown, in files."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.core.errors import Conflict, Invalid, NotFound
from apps.evaluations import selectors, services
from apps.evaluations.models import Evaluation
from apps.evaluations.services import Company
from apps.evaluations.tests.factories import (
    evaluation_complete,
    evaluation_end,
    evaluation_running,
    found_make,
    report_make,
    stage_make,
    version_trained,
)
from apps.evaluations.tests.predictions import NAME, judge, others, scores, table_make
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.lineage.models import LineageEdge
from apps.problems import selectors as problems

pytestmark = pytest.mark.django_db


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=person.id))
    return client


def _three():
    stage = stage_make()
    return stage, version_trained(stage.ground, recipe="baseline")


def _set(version, column: str, value: str) -> None:
    """Behind the seal."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE registry_modelversion SET {column} = %s WHERE id = %s", [value, version.pk])  # noqa: S608
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_members_answer_beside_the_candidate_and_the_page_says_what_each_adds():
    stage, third = _three()

    evaluation = evaluation_complete(stage, company=Company.of([stage.live.pk, third.pk], 0.8))
    client = _client(stage.ground.owner)
    with CaptureQueriesContext(connection) as asked:
        page = client.get(reverse("evaluation-combination", args=[evaluation.pk])).content.decode()

    spec = evaluation.job.spec
    assert [one["version_id"] for one in spec["members"]] == [str(stage.live.pk), str(third.pk)]
    assert spec["sure"] == 0.8
    held = {file["sha256"] for file in evaluation.job.files}
    assert held >= {row["sha256"] for row in third.manifest}
    found = selectors.findings_of(evaluation).combination
    assert found.row_digest == evaluation.row_digest
    assert len(asked) <= 15
    adds = f"version {stage.live.number}"
    assert f"Adding {adds} and version {third.number} to version {stage.candidate.number} " in page
    assert "lowers cost per 100 by" in page
    assert f"version {third.number} adds nothing that can be told from chance" in page or "takes away" in page
    assert "answered the same" in page
    assert LineageEdge.objects.filter(subject_id=evaluation.pk, relation="USED", object_id=third.pk).exists()


def test_every_rule_and_metric_can_be_looked_at_and_leaves_as_csv():
    stage, third = _three()
    evaluation = evaluation_complete(stage, company=Company.of([stage.live.pk, third.pk]))
    client = _client(stage.ground.owner)

    for query in (
        "?by=vote",
        "?by=cascade&metric=roc_auc",
        "?by=vote&metric=roc_auc",
        "?by=none&metric=none&sort=-gain",
    ):
        response = client.get(f"{reverse('evaluation-combination', args=[evaluation.pk])}{query}")
        assert response.status_code == 200
    cascade = client.get(f"{reverse('evaluation-combination', args=[evaluation.pk])}?by=cascade").content.decode()
    lines = client.get(reverse("evaluation-combination-csv", args=[evaluation.pk])).content.decode()
    rows = list(csv.DictReader(io.StringIO(lines)))

    assert "probability of at least 0.9 answers" in cascade
    assert {row["rule"] for row in rows} == {"mean", "vote", "cascade"}
    one = next(
        row for row in rows if row["group"] == "overall" and row["what"] == "shapley" and row["metric"] == "accuracy"
    )
    result = selectors.findings_of(evaluation).combination.groups[0].result("mean", "accuracy")
    assert float(one["value"]) == result.members[0].shapley.value


def test_an_evaluation_of_one_version_says_how_to_ask_for_more():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)

    mine = _client(stage.ground.scientist).get(reverse("evaluation-combination", args=[evaluation.pk]))
    theirs = _client(stage.ground.owner).get(reverse("evaluation-combination", args=[evaluation.pk]))
    file = _client(stage.ground.owner).get(reverse("evaluation-combination-csv", args=[evaluation.pk]))

    assert "Evaluate with further versions" in mine.content.decode()
    assert "A data scientist or an operator of the team launches evaluations." in theirs.content.decode()
    assert file.status_code == 404


def test_what_cannot_answer_together_is_refused_at_the_field():
    stage, third = _three()
    data = table_make(stage.ground, score=scores, other=others)
    odd = judge(stage.ground, data).model_version

    def refused(ids, sure=None) -> str:
        with pytest.raises(Invalid) as caught:
            evaluation_running(stage, company=Company.of(ids, sure))
        (field,) = caught.value.fields
        assert field in ("member_version_ids", "sure")
        return caught.value.fields[field][0]

    assert "the version that is evaluated" in refused([stage.candidate.pk])
    assert "Name each version once" in refused([third.pk, third.pk])
    assert "At most 6" in refused([uuid.uuid4() for _ in range(7)])
    assert "from 0.5 to 1" in refused([third.pk], 0.2)
    assert "says nothing of the rows of" in refused([odd.pk]), "answers to other rows"
    _set(third, "task", "REGRESSION")
    assert "its task is REGRESSION, not BINARY" in refused([third.pk])
    _set(third, "task", "BINARY")
    _set(third, "classes", '["a", "b"]')
    assert "knows other classes" in refused([third.pk])
    with pytest.raises(NotFound):
        evaluation_running(stage, company=Company.of([uuid.uuid4()]))
    assert not Evaluation.objects.filter(model_version=stage.candidate).exists()


def test_a_version_of_a_stranger_cannot_be_made_a_member():
    stage, strange = stage_make(), stage_make()

    with pytest.raises(NotFound):
        evaluation_running(stage, company=Company.of([strange.candidate.pk]))


def test_the_form_and_the_api_ask_the_same():
    stage, third = _three()
    client = _client(stage.ground.scientist)
    said = {"model_version_id": str(stage.candidate.pk), "member_version_ids": [str(third.pk)], "sure": "0.7"}

    response = client.post(reverse("evaluation-launch"), said)
    by_form = Evaluation.objects.get(model_version=stage.candidate)
    wrong = client.post(reverse("evaluation-launch"), said | {"sure": "0.1"})
    scientist = stage.ground.scientist
    user = User.objects.get(pk=scientist.id)
    _, secret = token_create(actor=scientist, user=user, name="t", scopes=["read", "write"], days=1)
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    answer = api.post(
        "/api/v1/evaluations",
        {"model_version_id": str(stage.candidate.pk), "member_version_ids": [str(third.pk)], "sure": 0.7},
        content_type="application/json",
    )
    odd = api.post(
        "/api/v1/evaluations",
        {"model_version_id": str(stage.candidate.pk), "member_version_ids": [str(stage.candidate.pk)]},
        content_type="application/json",
    )

    assert response.status_code == 302
    assert wrong.status_code == 422
    assert answer.status_code == 201
    by_api = Evaluation.objects.get(pk=answer.json()["id"])
    assert by_api.job.spec["members"] == by_form.job.spec["members"]
    assert odd.status_code == 400
    assert "member_version_ids" in odd.json()["errors"]


def test_a_retry_asks_the_same_members_again():
    stage, third = _three()
    evaluation = evaluation_running(stage, company=Company.of([third.pk], 0.6))
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.job_finish(claim=claim, status=exited(1))

    again = jobs.job_retry(actor=stage.ground.scientist, job_id=evaluation.job_id)

    assert [one["version_id"] for one in again.spec["members"]] == [str(third.pk)]
    assert again.spec["sure"] == 0.6
    assert Evaluation.objects.get(job=again).member_versions.get() == third


def test_members_that_answered_other_rows_or_were_not_asked_end_the_job():
    stage, third = _three()
    for harmed in ("rows", "who"):
        evaluation = evaluation_running(stage, company=Company.of([third.pk]))
        specs = problems.segment_specs(evaluation.problem_version)
        report, _ = report_make(specs)
        together = [evaluation.job.spec["candidate"], *evaluation.job.spec["members"]]
        body = found_make(specs, together=together).findings.to_json()
        if harmed == "rows":
            body["combination"]["row_digest"] = "0" * 64
        else:
            body["combination"]["members"][1]["id"] = str(uuid.uuid4())

        job = evaluation_end(evaluation, {"report": report.to_json(), "findings": body})

        evaluation.refresh_from_db()
        assert (job.state, evaluation.state) == ("FAILED", "FAILED")
        assert ("other rows" if harmed == "rows" else "other versions") in evaluation.cause


def test_who_took_part_is_sealed():
    stage, third = _three()
    evaluation = evaluation_complete(stage, company=Company.of([third.pk]))

    with pytest.raises(IntegrityError), transaction.atomic():
        evaluation.member_versions.clear()


def test_predictions_made_elsewhere_may_be_joined_by_a_version_of_their_own_table():
    stage = stage_make()
    data = table_make(stage.ground, score=scores, other=others)
    first = judge(stage.ground, data)
    second = judge(stage.ground, data, name=f"{NAME} 2", column="other")

    evaluation = services.evaluation_launch(
        actor=stage.ground.scientist,
        model_version_id=first.model_version_id,
        company=Company.of([second.model_version_id]),
    )

    spec = evaluation.job.spec
    assert spec["members"][0]["answers"]["column"] == "other"
    assert not {"score", "other"} & {one["name"] for one in spec["features"]}
    with pytest.raises(Conflict):
        selectors.findings_of(evaluation)
