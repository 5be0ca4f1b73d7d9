"""Batch scores by JSON and on pages."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.urls import reverse

from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Role
from apps.deployments import services
from apps.deployments.models import BatchScore
from apps.deployments.tests.batches import CONTENT, SHOWN, begin, complete, end, launch, rows_of, scoring_make
from apps.deployments.tests.factories import browser, deployment_of, stage_make, text_of
from apps.deployments.tests.test_api import Caller

pytestmark = pytest.mark.django_db


def test_a_script_launches_looks_and_fetches() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    where = f"/{rollout.deployment_id}/batch-scores"
    script = Caller(stage.scientist)
    body = {"dataset_version_id": str(stage.data.pk), "model_version_id": str(rollout.model_version_id)}

    made = script.post(where, body, **{"Idempotency-Key": "once"})
    again = script.post(where, body, **{"Idempotency-Key": "once"})
    early = script.get(f"{where}/{made.json()['id']}/file")
    batch = BatchScore.objects.get(pk=made.json()["id"])
    end(batch, begin(batch))

    assert (made.status_code, again.json()) == (201, made.json())
    assert (early.status_code, early.json()["code"]) == (409, "not_complete")
    assert [one["id"] for one in script.get(where).json()["results"]] == [str(batch.pk)]
    found = script.get(f"{where}/{batch.pk}").json()
    assert (found["state"], found["scored"], found["refused"]) == ("COMPLETE", rows_of(stage.data), 0)
    assert found["result"]["labels"][1] == ["Yes", 1]
    table, shown = (script.get(f"{where}/{batch.pk}/file", kind=kind) for kind in ("parquet", "csv"))
    assert (b"".join(table.streaming_content), b"".join(shown.streaming_content)) == (CONTENT, SHOWN)
    assert table["Content-Disposition"].endswith('-batch-1-scores.parquet"')
    assert script.get(f"/{rollout.deployment_id}/traffic").json()["batch"] == rows_of(stage.data)
    logged = script.get(f"/{rollout.deployment_id}/predictions").json()["results"]
    assert [(one["rows"], one["batch_score_id"]) for one in logged] == [(rows_of(stage.data), str(batch.pk))]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "dataset_version_id"),
        ({"dataset_version_id": "x"}, "dataset_version_id"),
        ({"dataset_version_id": ["\0"]}, "dataset_version_id"),
        ({"priority": "soon"}, "priority"),
        ({"target_id": "x"}, "target_id"),
        ({"model_version_id": {}}, "model_version_id"),
    ],
)
def test_wrong_input_is_told_at_the_field(body: dict[str, Any], field: str) -> None:
    stage = stage_make()
    rollout = scoring_make(stage)

    answer = Caller(stage.scientist).post(f"/{rollout.deployment_id}/batch-scores", body)

    assert answer.status_code == 400
    assert field in str(answer.json())


def test_a_batch_score_is_not_found_below_another_deployment() -> None:
    stage, other = stage_make(), stage_make()
    batch = complete(stage, scoring_make(stage))
    elsewhere = scoring_make(other)
    stranger = Caller(other.scientist)

    assert stranger.get(f"/{elsewhere.deployment_id}/batch-scores/{batch.pk}").status_code == 404
    assert stranger.get(f"/{batch.deployment_id}/batch-scores/{batch.pk}/file").status_code == 404
    assert stranger.post(f"/{batch.deployment_id}/batch-scores", {}).status_code == 404


def test_a_form_sent_twice_is_one_batch_score() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    person = browser(stage.scientist)
    page = reverse("deployment-score", args=[rollout.deployment_id])
    form = {"dataset_version_id": stage.data.pk, "priority": "normal", "key": uuid.uuid4()}

    shown = text_of(person.get(page))
    first, second = person.post(page, form), person.post(page, form)

    assert "What scores" in shown
    assert str(stage.data) in shown
    batch = BatchScore.objects.get()
    assert first.url == second.url == reverse("batch-detail", args=[batch.pk])


def test_a_form_that_was_opened_under_another_version_is_refused() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    form = {"dataset_version_id": stage.data.pk, "model_version_id": rollout.model_version_id}
    scoring_make(stage)

    answer = browser(stage.scientist).post(reverse("deployment-score", args=[rollout.deployment_id]), form)

    assert answer.status_code == 422
    assert "does not answer here; version 2 does" in text_of(answer)
    assert not BatchScore.objects.exists()


def test_a_wrong_form_keeps_what_it_held_and_says_why() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    page = reverse("deployment-score", args=[rollout.deployment_id])

    answers = [
        browser(stage.scientist).post(page, data)
        for data in ({}, {"dataset_version_id": "x\0"}, {"dataset_version_id": str(uuid.uuid4()), "key": "k"})
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]


def test_who_may_not_score_is_shown_no_button_and_refused() -> None:
    stage = stage_make()
    batch = complete(stage, scoring_make(stage))
    viewer = browser(actor_make(Role.VIEWER, stage.team))
    deployment = reverse("deployment-detail", args=[batch.deployment_id])
    score = reverse("deployment-score", args=[batch.deployment_id])

    page = text_of(viewer.get(reverse("batch-detail", args=[batch.pk])))

    assert score not in text_of(viewer.get(deployment))
    assert score in text_of(browser(stage.scientist).get(deployment))
    assert (viewer.get(score).status_code, viewer.post(score).status_code) == (403, 403)
    assert "Single rows are for" in page
    assert reverse("batch-csv", args=[batch.pk]) not in page
    assert viewer.get(reverse("batch-csv", args=[batch.pk])).status_code == 403


def test_a_stranger_finds_no_page() -> None:
    stage = stage_make()
    batch = complete(stage, scoring_make(stage))
    stranger = browser(actor_make(Role.DATA_SCIENTIST, team_make()))

    for name in ("batch-detail", "batch-file", "batch-csv"):
        assert stranger.get(reverse(name, args=[batch.pk])).status_code == 404
    assert stranger.get(reverse("deployment-score", args=[batch.deployment_id])).status_code == 404


def test_the_page_says_what_came_of_it_and_offers_the_files() -> None:
    stage = stage_make()
    batch = complete(stage, scoring_make(stage), refused=120)
    person = browser(stage.owner)

    page = text_of(person.get(reverse("batch-detail", args=[batch.pk])))
    table = person.get(reverse("batch-file", args=[batch.pk]))

    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "120 rows scored, 120 refused, by version 1." in words
    assert "the first 100 of 120" in words
    assert "&quot;age&quot; has no value." in page
    assert f"Request {batch.rollout.request.number}" in page
    assert b"".join(table.streaming_content) == CONTENT


def test_the_page_of_one_that_failed_says_why() -> None:
    stage = stage_make()
    batch = launch(stage, scoring_make(stage))
    person, page = browser(stage.scientist), reverse("batch-detail", args=[batch.pk])
    running = text_of(person.get(page))
    error = {"error": {"code": "COLUMN", "message": 'The table has no column "age", which the model reads.'}}
    end(batch, begin(batch), result=error, code=65)

    assert "The table is being scored." in running
    assert "The table was not scored." in text_of(person.get(page))
    assert "no column &quot;age&quot;" in text_of(person.get(page))


def test_the_deployments_page_lists_them_and_its_traffic_counts_them() -> None:
    stage = stage_make()
    batch = complete(stage, scoring_make(stage), refused=1)
    person, deployment = browser(stage.scientist), deployment_of(stage)
    link = reverse("batch-detail", args=[batch.pk])

    page = text_of(person.get(reverse("deployment-detail", args=[deployment.pk])))
    traffic = text_of(person.get(reverse("deployment-traffic", args=[deployment.pk])))

    assert link in page
    assert "Rows of batch scores" in traffic
    assert link in traffic


def test_nothing_answers_and_the_page_says_who_can_change_that() -> None:
    stage = stage_make()
    rollout = scoring_make(stage)
    services.deployment_kill(actor=stage.owner, deployment_id=rollout.deployment_id, reason="Wrong.")

    page = text_of(browser(stage.scientist).get(reverse("deployment-score", args=[rollout.deployment_id])))

    assert "No version answers here" in page
    assert "a product owner" in page
