"""Pages of evaluations: what they show in each state, parts by htmx, exports, the launch form, few queries."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import (
    evaluation_complete,
    evaluation_end,
    evaluation_running,
    report_make,
    report_other,
    stage_make,
    task_set,
)
from apps.problems import selectors as problems

pytestmark = pytest.mark.django_db
MOST_QUERIES = 20


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=getattr(person, "id", person)))
    return client


def _page(client, address, **headers):
    response = client.get(address, headers=headers or None)
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def _whole(client, address):
    """The page with the parts that it asks for afterwards."""
    parts = [_page(client, address, HX_Request="true", HX_Target=part) for part in ("matrix", "curves")]
    return "".join([_page(client, address), *parts])


def test_the_page_says_the_verdict_first_and_holds_every_part():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)

    page = _whole(client, reverse("evaluation-detail", args=[evaluation.pk]))

    assert page.index(evaluation.headline) < page.index('id="gates-list"') < page.index('id="forest"')
    assert page.index('id="forest"') < page.index('id="matrix"') < page.index('id="gaps"')
    assert 'aria-label="Wrongly held by segment"' in page
    assert 'tabindex="0" role="region"' in page
    assert "35 and over" in page
    assert "ROC AUC" in page
    assert "It rests on age most" in page
    assert 'style="' not in page.split("<main", 1)[1]


def test_the_page_asks_few_queries():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)
    address = reverse("evaluation-detail", args=[evaluation.pk])
    client.get(address)

    for url in (
        address,
        f"{reverse('evaluation-group', args=[evaluation.pk])}?key=Age%3D35+and+over",
        reverse("evaluation-list"),
    ):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(url).status_code == 200
        assert len(asked) <= MOST_QUERIES, "\n".join(query["sql"][:160] for query in asked)


def test_htmx_gets_the_part_that_it_asks_for():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)
    address = reverse("evaluation-detail", args=[evaluation.pk])

    forest = _page(client, f"{address}?metric=cost_per_100", HX_Request="true", HX_Target="forest")
    matrix = _page(client, f"{address}?find=white&metrics=all", HX_Request="true", HX_Target="matrix")

    assert forest.lstrip().startswith('<section class="fw-card" id="forest"')
    assert "Cost per 100" in forest
    assert matrix.lstrip().startswith('<section class="fw-card" id="matrix"')
    assert "Brier score" in matrix


@pytest.mark.parametrize(
    "query", ["metric=nonsense", "metrics=all&crossings=all&gaps=all", "find=%00%27<b>", "metric="]
)
def test_any_address_gives_a_page(query):
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    page = _whole(_client(stage.ground.owner), f"{reverse('evaluation-detail', args=[evaluation.pk])}?{query}")

    assert "<b>" not in page.split('id="find"')[1][:200]


def test_a_group_has_a_page_of_its_own_also_a_crossing():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)
    address = reverse("evaluation-group", args=[evaluation.pk])

    single = _page(client, f"{address}?key=Age%3D35+and+over")
    crossing = _page(client, f"{address}?key=Age%3D35+and+over%26Colour%3DWhite")

    assert "people aged 35 and over" in single
    assert "Crossings with other segments" in single
    assert single.count("<plot-figure") == 4
    assert crossing.count("<plot-figure") == 4, "drawn from the stored statistics"
    assert "The groups that it is made of" in crossing
    assert client.get(f"{address}?key=nobody").status_code == 404
    assert client.get(address).status_code == 404


def test_a_hidden_group_tells_that_it_is_hidden_and_no_number():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    from analysis.contracts.segments import Support

    report, statistics = report_make(
        problems.segment_specs(evaluation.problem_version), n=500, least=Support(400, 10, 10)
    )
    evaluation_end(evaluation, {"report": report.to_json()}, statistics)
    hidden = next(group for group in report.groups if group.suppressed and group.level == 1)
    client = _client(stage.ground.owner)

    page = _page(client, f"{reverse('evaluation-group', args=[evaluation.pk])}?key={hidden.key}")

    assert "The numbers of this group are hidden" in page
    assert "<plot-figure" not in page
    assert client.get(f"{reverse('evaluation-curves-csv', args=[evaluation.pk])}?key={hidden.key}").status_code == 404


def test_running_and_failed_say_what_happens_and_what_to_do():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    client = _client(stage.ground.scientist)
    address = reverse("evaluation-detail", args=[evaluation.pk])

    running = _page(client, address)
    evaluation_end(evaluation, {"report": None})
    failed = _page(client, address)

    assert f'data-topic="job.{evaluation.job_id}"' in running
    assert "You may leave this page" in running
    assert "The evaluation failed. Nothing was concluded." in failed
    assert "Evaluate again" in failed
    assert client.get(reverse("evaluation-csv", args=[evaluation.pk])).status_code == 409


def test_the_last_good_result_is_kept_in_sight():
    stage = stage_make()
    good = evaluation_complete(stage)
    bad = evaluation_running(stage)
    evaluation_end(bad, {})

    page = _page(_client(stage.ground.scientist), reverse("evaluation-detail", args=[bad.pk]))

    assert "The last complete evaluation still stands." in page
    assert reverse("evaluation-detail", args=[good.pk]) in page


def test_exports_hold_the_stored_numbers_and_no_formula():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)

    table = client.get(reverse("evaluation-csv", args=[evaluation.pk]))
    whole = client.get(reverse("evaluation-json", args=[evaluation.pk]))
    curves = client.get(reverse("evaluation-curves-csv", args=[evaluation.pk]))

    rows = list(csv.DictReader(io.StringIO(table.content.decode())))
    stored = {group["key"]: group for group in evaluation.report["groups"]}
    line = next(row for row in rows if row["group"] == "overall" and row["metric"] == "fnr")
    assert float(line["value"]) == stored["overall"]["metrics"]["fnr"]["value"]
    assert not any(value[:1] in "=+@" for row in rows for value in (row["group"], row["label"]) if value)
    assert json.loads(whole.content) == evaluation.report
    for response in (table, whole, curves):
        assert response["Content-Disposition"].startswith("attachment")
    points = list(csv.DictReader(io.StringIO(curves.content.decode())))
    roc = [row for row in points if row["curve"] == "roc" and row["version"] == str(stage.candidate.number)]
    assert [float(row["x"]) for row in roc] == stored["overall"]["curves"]["roc"]["x"]


@pytest.mark.parametrize("task", ["MULTICLASS", "REGRESSION"])
def test_other_tasks_render(task):
    stage = stage_make()
    evaluation = evaluation_running(stage)
    report = report_other(task, problems.segment_specs(evaluation.problem_version))
    task_set(evaluation, task)
    job = evaluation_end(evaluation, {"report": report.to_json()})
    assert job.state == "SUCCEEDED", job.cause
    client = _client(stage.ground.owner)

    page = _whole(client, reverse("evaluation-detail", args=[evaluation.pk]))
    group = _page(client, f"{reverse('evaluation-group', args=[evaluation.pk])}?key=Colour%3DBlack")

    assert 'id="matrix"' in page
    assert "Every metric" in group
    assert "Cost per 100, C$" in page, "errors of every task are priced, in the problem's currency"
    money = report.group("Colour=Black").metrics["cost_per_100"]
    assert f'title="{money.value!r}' in page
    if task == "REGRESSION":
        assert "Harmed: right under" not in page, "a number is neither right nor wrong"
    if task == "MULTICLASS":
        assert "=bird" in page, "shown as it is; only the export is set apart"
        text = client.get(reverse("evaluation-csv", args=[evaluation.pk])).content.decode()
        assert "\n=" not in text


def test_one_button_launches_and_leads_to_the_evaluation():
    stage = stage_make()
    client = _client(stage.ground.scientist)

    response = client.post(reverse("evaluation-launch"), {"model_version_id": stage.candidate.pk})

    evaluation = Evaluation.objects.get()
    assert response.headers["Location"] == reverse("evaluation-detail", args=[evaluation.pk])
    assert evaluation.baseline_version == stage.live


def test_the_form_offers_data_and_baselines_and_keeps_what_was_chosen():
    stage = stage_make()
    client = _client(stage.ground.scientist)
    address = reverse("evaluation-launch")

    page = _page(client, f"{address}?version={stage.candidate.pk}")
    refused = client.post(
        address,
        {
            "model_version_id": stage.candidate.pk,
            "dataset_version_id": stage.ground.version.pk,
            "baseline_version_id": stage.candidate.pk,
        },
    )

    assert str(stage.live) in page
    assert ", live" in page
    assert refused.status_code == 422
    body = refused.content.decode()
    assert f'<option value="{stage.ground.version.pk}" selected>' in body
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRODUCT_OWNER, Role.AUDITOR])
def test_who_may_not_launch_is_told_who_can(role):
    stage = stage_make()
    client = _client(user_make(role=role, team=stage.team).pk)

    response = client.post(reverse("evaluation-launch"), {"model_version_id": stage.candidate.pk})

    assert response.status_code == 403
    assert "data scientist" in response.content.decode()


def test_a_stranger_finds_nothing():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(user_make(role=Role.DATA_SCIENTIST, team=team_make()).pk)

    for name in ("evaluation-detail", "evaluation-group", "evaluation-csv", "evaluation-json", "evaluation-curves-csv"):
        assert client.get(reverse(name, args=[evaluation.pk])).status_code == 404
    assert client.post(reverse("evaluation-launch"), {"model_version_id": stage.candidate.pk}).status_code == 404
    assert "Evaluation 1" not in _page(client, reverse("evaluation-list"))


def test_the_list_tells_the_finding():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    page = _page(_client(stage.ground.scientist), reverse("evaluation-list"))

    assert evaluation.headline in page


def test_archive_and_back():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.scientist)
    address = reverse("evaluation-archive", args=[evaluation.pk])

    client.post(address, {"archived": "1"})
    gone = _page(client, reverse("evaluation-list"))
    client.post(address, {"archived": "0"})
    back = _page(client, reverse("evaluation-list"))

    assert "No evaluation yet" in gone
    assert evaluation.headline in back
