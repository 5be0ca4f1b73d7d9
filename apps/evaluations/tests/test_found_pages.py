"""The tabs of an evaluation: weak slices, flips with their rows, fairness, threshold; few queries, files, old ones."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis.contracts.segments import Support
from analysis.findings import Asked, findings_make
from apps.accounts.models import User
from apps.accounts.tests.factories import user_make
from apps.core.actors import Role
from apps.evaluations.tests.factories import (
    evaluation_complete,
    evaluation_end,
    evaluation_running,
    other_scored,
    report_other,
    stage_make,
    task_set,
)
from apps.problems import selectors as problems

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15
TABS = ("evaluation-slices", "evaluation-flips", "evaluation-fairness", "evaluation-threshold")


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=getattr(person, "id", person)))
    return client


def _page(client, name, evaluation, query=""):
    response = client.get(f"{reverse(name, args=[evaluation.pk])}{query}")
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def _csv(client, name, evaluation):
    response = client.get(reverse(name, args=[evaluation.pk]))
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_every_tab_says_its_verdict_first_and_asks_few_queries():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=6000, harm=1.0)
    client = _client(stage.ground.owner)

    for name in TABS:
        _page(client, name, evaluation)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page = _page(client, name, evaluation)
        main = page.split("<main", 1)[1]
        assert main.index('class="fw-verdict"') < main.index("<table"), name
        assert 'aria-current="page"' in page
        assert 'style="' not in main
        assert len(asked) <= MOST_QUERIES, f"{name}: " + "\n".join(query["sql"][:160] for query in asked)


def test_a_weak_slice_becomes_a_segment_of_the_draft_by_one_link():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=6000, harm=1.0)
    client = _client(stage.ground.owner)

    page = _page(client, "evaluation-slices", evaluation)
    link = re.search(r'href="(/problems/[^"]+segment-expression[^"]+)"', page)

    assert "nobody named" in page
    assert link is not None
    assert "age" in link[1]
    offered = client.get(link[1].replace("&amp;", "&").partition("#")[0])
    assert offered.status_code == 302
    assert "/versions/new/" in offered["Location"]
    assert "segment-expression=" in offered["Location"]


def test_who_may_not_write_problems_is_told_who_may_and_sees_no_rows():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=6000, harm=1.0)
    viewer = _client(user_make(role=Role.VIEWER, team=stage.team).pk)

    slices, flips = (_page(viewer, name, evaluation) for name in TABS[:2])

    assert "Name it" not in slices
    assert "can make a group a named segment" in slices
    assert "/flips/rows/" not in flips
    refused = viewer.get(reverse("evaluation-flip-rows", args=[evaluation.pk]))
    assert refused.status_code == 403
    assert "data scientists" in refused.content.decode()


def test_flips_are_sorted_found_and_drilled_into_with_the_state_in_the_address():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)
    client = _client(stage.ground.scientist)

    page = _page(client, "evaluation-flips", evaluation, "?sort=-negative&find=over")
    rows = _page(client, "evaluation-flip-rows", evaluation, "?key=Age%3D35+and+over&kind=negative")
    sorted_rows = _page(client, "evaluation-flip-rows", evaluation, "?key=overall&kind=negative&sort=-4&find=released")

    assert 'aria-sort="descending"' in page
    assert "35 and over" in page
    assert "under 25" not in page.split("<tbody", 1)[1]
    assert "right under live version" in rows
    assert "***" in rows, "the protected colour"
    assert "Black" not in rows.split("<tbody", 1)[1]
    assert "<tr>" in sorted_rows
    for query in ("?key=nobody", "?key=%00"):
        assert client.get(reverse("evaluation-flip-rows", args=[evaluation.pk]) + query).status_code == 404
    for query in ("?sort=nonsense", "?sort=--p&find=%00", "?find=" + "x" * 400, "?sort=-interval"):
        assert client.get(reverse("evaluation-flips", args=[evaluation.pk]) + query).status_code == 200


def test_hidden_groups_are_hidden_on_every_tab_and_in_every_file():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=500, least=Support(400, 10, 10))
    client = _client(stage.ground.scientist)

    flips = _page(client, "evaluation-flips", evaluation)
    rows = client.get(reverse("evaluation-flip-rows", args=[evaluation.pk]) + "?key=Colour%3DBlack")
    table = _csv(client, "evaluation-flips-csv", evaluation)

    assert "hidden: fewer than" in flips
    assert rows.status_code == 404
    hidden = next(row for row in table if row["group"] == "Black")
    assert [hidden[name] for name in ("rows", "right_before_wrong_now", "net", "p")] == ["", "", "", ""]
    assert hidden["reason"]
    threshold = _page(client, "evaluation-threshold", evaluation)
    data = json.loads(re.search(r'<script type="application/json">(\{"bins".*?)</script>', threshold)[1])
    assert len(data["groups"]) == threshold.count("<tr data-group>")
    assert "Black</th>" not in threshold


def test_fairness_names_the_state_the_people_and_what_cannot_hold_together():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)
    client = _client(stage.ground.owner)

    page = _page(client, "evaluation-fairness", evaluation, "?segment=Colour")
    table = _csv(client, "evaluation-fairness-csv", evaluation)

    assert "Criteria between the groups of Colour" in page
    assert "Demographic parity" in page
    assert "of every 100 people get the answer “released”" in page
    assert "What cannot hold together" in page
    state = {row["criterion"]: row["holding"] for row in table if row["segment"] == "Colour"}
    assert state["Demographic parity"] == "holds"
    assert state["Equal opportunity"] == "", "no limit is stated"
    assert (
        client.get(reverse("evaluation-fairness", args=[evaluation.pk]) + "?segment=x&classes=all").status_code == 200
    )


def test_criteria_that_the_problem_chose_and_that_exclude_each_other_come_first():
    between = {"scope": "DISPARITY", "segment": "Colour", "limit": 0.1, "reason": "So."}
    metrics = ("selection_rate", "precision", "tpr")
    between["direction"] = "MINIMISE"
    stage = stage_make(objectives=[{"metric": metric, **between} for metric in metrics])
    evaluation = evaluation_complete(stage, findings=True)

    page = _page(_client(stage.ground.owner), "evaluation-fairness", evaluation, "?segment=Colour")
    other = _page(_client(stage.ground.owner), "evaluation-fairness", evaluation, "?segment=Age")

    assert "The problem chose criteria that cannot all hold: demographic parity" in page
    assert "The problem chose criteria that cannot all hold" not in other


def test_many_classes_say_of_each_what_cannot_hold_together():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    rows, spec = other_scored("MULTICLASS", problems.segment_specs(evaluation.problem_version))
    report = report_other("MULTICLASS", problems.segment_specs(evaluation.problem_version))
    findings = findings_make(rows, spec, Asked(["age"])).findings
    task_set(evaluation, "MULTICLASS")
    job = evaluation_end(evaluation, {"report": report.to_json(), "findings": findings.to_json()})
    assert job.state == "SUCCEEDED", job.cause
    client = _client(stage.ground.owner)

    page = _page(client, "evaluation-fairness", evaluation, "?segment=Colour&of=dog")
    other = _page(client, "evaluation-fairness", evaluation, "?segment=Colour&of=nothing")

    entry = next(one for one in findings.fairness if one.segment == "Colour")
    assert [one.of for one in entry.class_conflicts] == sorted(
        ("cat", "dog", "=bird"), key=lambda name: -(rows.truth == ("cat", "dog", "=bird").index(name)).sum()
    )
    assert "What cannot hold together, “dog” against all other classes" in page
    assert "“dog” in the record" in page
    assert "false positive rate that would be forced" in page.lower()
    assert "against all other classes" in other
    assert "What cannot hold together, “nothing”" not in other


def test_another_threshold_is_worked_out_by_the_server_from_the_same_counts_as_in_the_browser():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)
    client = _client(stage.ground.owner)

    page = _page(client, "evaluation-threshold", evaluation, "?at=0.7")
    data = json.loads(re.search(r'<script type="application/json">(\{"bins".*?)</script>', page)[1])

    everyone = data["groups"][0]
    triples = [everyone[at : at + 3] for at in range(0, len(everyone), 3)]
    assert sum(negatives + positives for _, negatives, positives in triples) == evaluation.row_count
    missed = sum(positives for place, _, positives in triples if place < 140)
    rate = 100 * missed / sum(positives for *_, positives in triples)
    first = page.split("<tr data-group>", 2)[1]
    assert f'data-metric="fnr"><b>{rate:.1f}</b>' in first
    assert 'value="0.700"' in page


@pytest.mark.parametrize(
    "query",
    [
        "?shape=each&segment=Colour&constraint=EQUALIZED_ODDS&quality=accuracy&limit=2",
        "?constraint=FOUR_FIFTHS&shape=one&limit=80",
        "?constraint=x&shape=y&quality=z&segment=w&limit=nan&at=nan",
        "?limit=-1&at=7",
        "?limit=inf&at=1e999",
    ],
)
def test_the_frontier_answers_any_address(query):
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)

    page = _page(_client(stage.ground.owner), "evaluation-threshold", evaluation, query)

    assert "Quality against disparity" in page
    assert ("Legal caution" in page) == ("shape=each" in query)


def test_an_evaluation_from_before_says_so_and_offers_to_evaluate_again():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    for name in TABS[:3]:
        page = _page(_client(stage.ground.scientist), name, evaluation)
        assert "made before" in page
        assert "Evaluate again" in page
        assert "Evaluate again" not in _page(_client(stage.ground.owner), name, evaluation)
    for name in ("evaluation-slices-csv", "evaluation-flips-csv", "evaluation-fairness-csv"):
        assert _client(stage.ground.scientist).get(reverse(name, args=[evaluation.pk])).status_code == 404


def test_a_running_evaluation_has_no_tabs_yet_and_answers_with_its_state():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    client = _client(stage.ground.scientist)

    for name in (*TABS, "evaluation-flip-rows", "evaluation-slices-csv"):
        assert client.get(reverse(name, args=[evaluation.pk])).status_code == 409, name


def test_a_task_without_a_threshold_has_no_such_tab():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    report = report_other("REGRESSION", problems.segment_specs(evaluation.problem_version))
    task_set(evaluation, "REGRESSION")
    evaluation_end(evaluation, {"report": report.to_json()})
    client = _client(stage.ground.owner)

    page = _page(client, "evaluation-slices", evaluation)

    assert "/threshold/" not in page
    assert client.get(reverse("evaluation-threshold", args=[evaluation.pk])).status_code == 404


def test_the_wear_of_the_test_rows_stands_on_the_evaluation_and_on_the_data():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)

    page = _page(client, "evaluation-detail", evaluation)
    data = client.get(reverse("dataset-version-detail", args=[evaluation.dataset_version_id])).content.decode()

    for text in (page, data):
        assert "Wear of the test rows" in text
        assert "1 look and 0 decisions" in text or "too few" in text


def test_the_criterion_that_the_problem_chose_says_why():
    reason = "Who would have appeared is held alike."
    stage = stage_make(
        objectives=[{"metric": "fnr", "limit": 0.1, "scope": "DISPARITY", "segment": "Colour", "reason": reason}]
    )
    evaluation = evaluation_complete(stage, findings=True)

    page = _page(_client(stage.ground.owner), "evaluation-fairness", evaluation, "?segment=Colour")
    other = _page(_client(stage.ground.owner), "evaluation-fairness", evaluation, "?segment=Age")

    assert page.count("Chosen by the problem.") == 1
    assert reason in page
    assert "Chosen by the problem." not in other


def test_tabs_of_weighted_rows_say_so_and_tell_what_flipped_rows_weigh():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=6000, harm=1.0, weighted=True)
    client = _client(stage.ground.owner)

    slices, flips = (_page(client, name, evaluation).split("<main", 1)[1] for name in TABS[:2])
    lines = _csv(client, "evaluation-flips-csv", evaluation)

    assert "Weighted: shares, means and their tests count each row by its weight" in slices
    assert "effective number of rows" in flips
    assert re.search(r"weight [\d,.]+</span>", flips)
    assert float(lines[0]["weight"]) > float(lines[0]["weight_right_before_wrong_now"]) > 0


def test_tabs_of_rows_that_count_alike_speak_of_no_weight():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=6000, harm=1.0)
    client = _client(stage.ground.owner)

    pages = [_page(client, name, evaluation).split("<main", 1)[1] for name in TABS[:2]]

    assert not [page for page in pages if "weight" in page.lower()]
