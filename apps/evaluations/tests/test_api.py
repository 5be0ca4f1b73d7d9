"""Evaluations for scripts: the same services, the same numbers."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import evaluation_complete, evaluation_running, stage_make

pytestmark = pytest.mark.django_db


def _client(actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def test_launch_read_and_archive():
    stage = stage_make()
    client = _client(stage.ground.scientist)

    made = client.post(
        reverse("api-evaluation-list"),
        {"model_version_id": str(stage.candidate.pk)},
        content_type="application/json",
    )

    assert made.status_code == 201, made.content
    evaluation = Evaluation.objects.get()
    assert made.json()["id"] == str(evaluation.pk)
    address = reverse("api-evaluation-detail", args=[evaluation.pk])
    assert client.get(address).json()["report"] is None
    changed = client.patch(address, {"archived": True}, content_type="application/json")
    assert changed.status_code == 200
    assert client.get(reverse("api-evaluation-list")).json()["results"] == []


def test_the_report_and_its_sentence_are_given_as_stored():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)

    body = client.get(reverse("api-evaluation-detail", args=[evaluation.pk])).json()
    gates = client.get(reverse("api-gate-list", args=[evaluation.pk])).json()

    assert body["report"] == evaluation.report
    assert body["headline"] == evaluation.headline
    assert body["report_digest"] == evaluation.report_digest
    assert gates["failed"] + gates["not_proven"] + gates["not_evaluated"] + gates["passed"] == len(gates["results"])


def test_the_same_key_launches_once():
    stage = stage_make()
    client = _client(stage.ground.scientist)
    body = {"model_version_id": str(stage.candidate.pk)}

    answers = [
        client.post(
            reverse("api-evaluation-list"),
            body,
            content_type="application/json",
            headers={"Idempotency-Key": "once-and-no-more"},
        )
        for _ in range(2)
    ]

    assert {answer.json()["id"] for answer in answers} == {str(Evaluation.objects.get().pk)}


def test_findings_are_given_as_stored_without_a_single_row():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)

    body = _client(stage.ground.owner).get(reverse("api-evaluation-findings", args=[evaluation.pk])).json()

    assert body["findings"] == evaluation.findings
    assert body["findings_digest"] == evaluation.findings_digest
    assert not [key for group in body["findings"]["flips"]["groups"] for key in group if "rows" in key]


def test_an_evaluation_from_before_has_null_findings_and_a_running_one_says_that_it_runs():
    stage = stage_make()
    old, running = evaluation_complete(stage), evaluation_running(stage)
    client = _client(stage.ground.owner)

    assert client.get(reverse("api-evaluation-findings", args=[old.pk])).json()["findings"] is None
    refused = client.get(reverse("api-evaluation-findings", args=[running.pk]))
    assert refused.status_code == 409
    assert refused.json()["code"] == "no_findings"
