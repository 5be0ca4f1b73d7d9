"""Behaviour tests and leakage of an evaluation: asked in the job, shown on the tab, told on the wear card, in files."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import user_make
from apps.core.actors import Role
from apps.evaluations import selectors
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import evaluation_complete, evaluation_end, evaluation_running, stage_make
from apps.problems import selectors as problems
from apps.problems.tests.factories import AGE, COLOUR, behaviour_make

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=getattr(person, "id", person)))
    return client


def _page(client, evaluation, query=""):
    response = client.get(f"{reverse('evaluation-behaviour', args=[evaluation.pk])}{query}")
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def _csv(client, name, evaluation):
    response = client.get(reverse(name, args=[evaluation.pk]))
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def _stage(*tests):
    stage = stage_make()
    for test in tests:
        behaviour_make(stage.ground.owner, stage.ground.problem, test)
    return stage


def test_a_job_is_asked_the_tests_in_force_and_told_where_the_training_rows_are():
    stage = _stage(COLOUR, AGE)
    changed = behaviour_make(stage.ground.owner, stage.ground.problem, COLOUR, least_share=0.9)

    evaluation = evaluation_running(stage)

    spec = evaluation.job.spec
    first = spec["behaviour"][0]
    assert (first["id"], first["number"], first["test"]["name"]) == (str(changed.pk), 2, COLOUR["name"])
    assert first["test"]["least_share"] == 0.9
    assert len(spec["behaviour"]) == evaluation.behaviour_versions.count() == 2
    assert spec["training"]["split"] == stage.ground.version.split
    assert spec["training"]["table"]["sha256"] in {file["sha256"] for file in evaluation.job.files}


def test_the_tab_says_its_verdict_first_then_what_fails_with_examples_and_asks_few_queries():
    stage = _stage(AGE, COLOUR)
    evaluation = evaluation_complete(stage, by_colour=0.3)
    client = _client(stage.ground.owner)
    _page(client, evaluation)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = _page(client, evaluation)

    main = page.split("<main", 1)[1]
    assert "Version 2 fails" in main.split('class="fw-verdict"')[1][:600]
    assert "It held under live version 1." in main
    assert main.index('class="fw-verdict"') < main.index("<table")
    assert main.index(f">{COLOUR['name']}</a>") < main.index(f">{AGE['name']}</a>"), "what fails comes first"
    assert "***" in main, "colour is protected"
    assert "<code>colour: ***" in main
    assert "does not read colour" in main
    assert 'style="' not in main
    assert len(asked) <= MOST_QUERIES
    found = _page(client, evaluation, "?find=older")
    assert f">{COLOUR['name']}</a>" not in found


def test_files_hold_every_test_and_the_overlap_in_full_precision():
    stage = _stage(AGE, COLOUR)
    evaluation = evaluation_complete(stage, by_colour=0.3)
    client = _client(stage.ground.owner)

    tests = {row["test"]: row for row in _csv(client, "evaluation-behaviour-csv", evaluation)}
    (leakage,) = _csv(client, "evaluation-leakage-csv", evaluation)

    assert (tests[COLOUR["name"]]["verdict"], tests[COLOUR["name"]]["baseline_verdict"]) == ("fails", "holds")
    assert tests[AGE["name"]]["verdict"] == "holds"
    assert float(tests[COLOUR["name"]]["share"]) < 0.99
    assert int(tests[COLOUR["name"]]["rows"]) == evaluation.row_count
    assert leakage["verdict"] == "as chance makes it"
    assert int(leakage["test_rows"]) == evaluation.row_count


def test_the_wear_card_says_on_the_evaluation_and_on_the_data_whether_test_rows_were_trained_on():
    stage = _stage(COLOUR)
    evaluation = evaluation_complete(stage, by_colour=0.0)
    client = _client(stage.ground.owner)

    pages = [
        client.get(reverse("evaluation-detail", args=[evaluation.pk])).content.decode(),
        client.get(reverse("dataset-version-detail", args=[evaluation.dataset_version_id])).content.decode(),
    ]

    for page in pages:
        assert "are equal to a training row in all that the model reads. That is no more than chance makes" in page
        assert reverse("evaluation-leakage-csv", args=[evaluation.pk]) in page
    old = evaluation_complete(stage)
    assert "in all that the model reads" not in client.get(reverse("evaluation-detail", args=[old.pk])).content.decode()


def test_an_old_evaluation_offers_a_new_one_and_a_problem_without_tests_a_way_to_write_one():
    stage = stage_make()
    old, without = evaluation_complete(stage, findings=True), evaluation_complete(stage, by_colour=0.0)
    owner, scientist = _client(stage.ground.owner), _client(stage.ground.scientist)
    viewer = _client(user_make(role=Role.VIEWER, team=stage.team).pk)

    page = _page(scientist, old)
    assert "It was made before behaviour tests were run." in page
    assert "Evaluate again" in page
    assert "Evaluate again" not in _page(viewer, old)
    empty = _page(owner, without)
    assert "The problem had no behaviour test when this was evaluated" in empty
    assert f"{reverse('problem-behaviour-list', args=[without.problem_id])}#h-save" in empty
    assert "Write a behaviour test" not in _page(viewer, without)
    for name in ("evaluation-behaviour-csv", "evaluation-leakage-csv"):
        assert owner.get(reverse(name, args=[old.pk])).status_code == 404
    stranger = _client(user_make().pk)
    for name in ("evaluation-behaviour", "evaluation-behaviour-csv", "evaluation-leakage-csv"):
        assert stranger.get(reverse(name, args=[without.pk])).status_code == 404


def test_a_test_that_was_written_since_is_named_and_asks_for_another_evaluation():
    stage = _stage(COLOUR)
    evaluation = evaluation_complete(stage, by_colour=0.0)
    client = _client(stage.ground.owner)
    assert selectors.behaviour_unasked(evaluation) == []

    behaviour_make(stage.ground.owner, stage.ground.problem, AGE)
    behaviour_make(stage.ground.owner, stage.ground.problem, COLOUR, least_share=0.8)

    assert selectors.behaviour_unasked(evaluation) == [COLOUR["name"], AGE["name"]]
    assert "Written or changed since this evaluation:" in _page(client, evaluation)


def test_the_problem_page_says_that_a_test_came_after_the_first_model():
    stage = _stage(COLOUR)

    page = _client(stage.ground.owner).get(reverse("problem-detail", args=[stage.ground.problem.pk])).content.decode()

    assert "The behaviour test was written or changed after the first model version was registered" in page


def test_the_findings_by_json_hold_behaviour_and_leakage_without_a_persons_values():
    stage = _stage(COLOUR)
    evaluation = evaluation_complete(stage, by_colour=0.3)
    client = APIClient()
    client.force_login(user_make(role=Role.VIEWER, team=stage.team))

    body = client.get(f"/api/v1/evaluations/{evaluation.pk}/findings").json()["findings"]

    (test,) = body["behaviour"]["tests"]
    assert (test["name"], test["candidate"]["verdict"]) == (COLOUR["name"], "fails")
    assert {value["before"] for pair in test["pairs"] for value in pair["values"]} == {"***"}
    assert body["leakage"]["verdict"] == "as chance makes it"


def test_what_was_asked_is_sealed_with_the_evaluation():
    stage = _stage(COLOUR)
    evaluation = evaluation_complete(stage, by_colour=0.0)
    other = behaviour_make(stage.ground.owner, stage.ground.problem, AGE)

    for change in (lambda: evaluation.behaviour_versions.clear(), lambda: evaluation.behaviour_versions.add(other)):
        with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
            change()


def test_made_up_results_fail_the_job():
    stage = _stage(COLOUR)
    good = evaluation_complete(stage, by_colour=0.0)
    evaluation = evaluation_running(stage)
    behaviour = {**good.findings["behaviour"], "tests": [{"id": "x"}]}

    evaluation_end(evaluation, {"report": good.report, "findings": {**good.findings, "behaviour": behaviour}})

    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.State.FAILED
    assert "The findings are not ones" in evaluation.cause
    assert problems.behaviour_in_force(stage.ground.problem.pk)
