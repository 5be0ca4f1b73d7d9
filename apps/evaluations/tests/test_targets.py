"""Where an evaluation runs: asked on the page and by the API, refused at the field, kept by a retry."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.compute.models import ComputeTarget
from apps.compute.tests.factories import healthy_make, local
from apps.core.errors import Conflict, Invalid
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import evaluation_running, stage_make
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return Client()


def sign_in(client: Client, person) -> None:
    client.force_login(User.objects.get(pk=person.id))


def test_the_form_offers_the_targets_and_the_job_runs_where_it_was_asked(client):
    stage, far = stage_make(), healthy_make(all_teams=True)
    sign_in(client, stage.ground.scientist)
    address = reverse("evaluation-launch")

    page = client.get(address, {"version": stage.candidate.pk}).content.decode()
    sent = client.post(address, {"model_version_id": stage.candidate.pk, "target_id": far.pk})

    assert "Runs on" in page
    assert far.name in page
    assert "local=1" not in page
    assert sent.status_code == 302, sent.content.decode()[:2000]
    assert Evaluation.objects.get().job.target_id == far.pk


def test_one_target_is_no_choice_and_it_is_this_machine(client):
    stage = stage_make()
    sign_in(client, stage.ground.scientist)

    page = client.get(reverse("evaluation-launch"), {"version": stage.candidate.pk}).content.decode()

    assert "Runs on" not in page
    assert evaluation_running(stage).job.target_id == local().pk


def test_a_target_of_others_is_refused_at_its_field_and_a_drained_one_says_so(client):
    stage = stage_make()
    foreign = healthy_make(team_ids=[], all_teams=True)
    ComputeTarget.objects.filter(pk=foreign.pk).update(all_teams=False)

    for target in (foreign.pk, uuid.uuid4()):
        with pytest.raises(Invalid) as refused:
            evaluation_running(stage, target_id=target)
        assert list(refused.value.fields) == ["target_id"]
    ComputeTarget.objects.filter(pk=foreign.pk).update(all_teams=True, state="DRAINED")
    with pytest.raises(Conflict, match="drained"):
        evaluation_running(stage, target_id=foreign.pk)

    assert not Evaluation.objects.exists()
    sign_in(client, stage.ground.scientist)
    healthy_make(name="other", all_teams=True)
    sent = client.post(
        reverse("evaluation-launch"), {"model_version_id": stage.candidate.pk, "target_id": str(foreign.pk)}
    )
    assert sent.status_code == 422


def test_the_api_takes_a_target_and_a_retry_keeps_it(client):
    stage, far = stage_make(), healthy_make(all_teams=True)
    sign_in(client, stage.ground.scientist)
    body = {"model_version_id": str(stage.candidate.pk), "target_id": str(far.pk)}

    made = client.post("/api/v1/evaluations", body, content_type="application/json")
    wrong = client.post("/api/v1/evaluations", body | {"target_id": str(uuid.uuid4())}, content_type="application/json")

    assert made.status_code == 201, made.content
    evaluation = Evaluation.objects.get(pk=made.json()["id"])
    assert evaluation.job.target_id == far.pk
    assert wrong.status_code == 400
    assert "target_id" in wrong.content.decode()
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.job_finish(claim=claim, status=exited(1))
    assert jobs.job_retry(actor=stage.ground.scientist, job_id=evaluation.job_id).target_id == far.pk
