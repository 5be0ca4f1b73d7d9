"""Predictions made elsewhere through the browser's form and the API: the same service, faults at their fields."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Role
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import dataset_make, version_sealed
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import stage_make
from apps.evaluations.tests.predictions import MANY, NAME, NUMBER, judge, others, scores, table_make
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.problems.tests.factories import people
from apps.registry.models import ModelVersion
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db

API = "/api/v1/evaluations/predictions"


def client_of(actor: Any) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def post(actor: Any, data: DatasetVersion, **body: Any) -> Any:
    given = {"dataset_version_id": str(data.pk), "name": NAME, "column": "score", **body}
    return client_of(actor).post(API, given, content_type="application/json")


def filled(page: str) -> dict[str, str]:
    """What the form would send as it was drawn."""
    found: dict[str, str] = {}

    class Reader(HTMLParser):
        select, wanted = "", False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            held = dict(attrs)
            name = held.get("name") or ""
            if tag == "form":
                self.wanted = "fw-form" in (held.get("class") or "")
            elif self.wanted and tag == "input":
                found[name] = held.get("value") or ""
            elif self.wanted and tag == "select":
                self.select = name
            elif self.select and tag == "option" and ("selected" in held or self.select not in found):
                found[self.select] = held.get("value") or ""

        def handle_endtag(self, tag: str) -> None:
            self.wanted = self.wanted and tag != "form"
            self.select = "" if tag == "select" else self.select

    Reader().feed(page)
    return found


def test_from_the_table_the_form_is_one_click_when_its_defaults_fit():
    stage = stage_make()
    data = table_make(stage.ground, zeta=others, score=scores)
    client = client_of(stage.ground.scientist)

    table = client.get(reverse("dataset-version-detail", args=[data.pk])).content.decode()
    address = f"{reverse('predictions-judge')}?data={data.pk}"
    form = client.get(address).content.decode()
    sent = client.post(address, filled(form))

    assert f'href="{address}"' in table
    assert "Judge predictions in this table" in table
    evaluation = Evaluation.objects.get()
    assert sent.status_code == 302
    assert sent["Location"] == reverse("evaluation-detail", args=[evaluation.pk])
    assert evaluation.job.spec["candidate"]["answers"]["column"] == "score"
    assert evaluation.baseline_version == stage.live, "the live version reads nothing that the table lacks"
    assert evaluation.job.spec["part"] == "all"
    waiting = client.get(sent["Location"]).content.decode()
    assert "The predictions are being judged" in waiting


def test_the_form_of_many_classes_finds_the_score_columns():
    ground = ground_make(**MANY)
    data = table_make(ground, p_Black=scores, p_White=lambda n: 1 - scores(n))
    client = client_of(ground.scientist)
    address = f"{reverse('predictions-judge')}?data={data.pk}"

    form = filled(client.get(address).content.decode())
    sent = client.post(address, form | {"column": ""})

    assert form["score_prefix"] == "p_"
    assert "threshold" not in form
    assert sent.status_code == 302
    assert [pair[1] for pair in Evaluation.objects.get().job.spec["candidate"]["answers"]["scores"]] == [
        "p_Black",
        "p_White",
    ]


def test_the_form_of_a_number_asks_for_no_score():
    ground = ground_make(**NUMBER)
    data = table_make(ground, predicted=lambda n: n / 7)
    client = client_of(ground.scientist)
    address = f"{reverse('predictions-judge')}?data={data.pk}"

    form = filled(client.get(address).content.decode())

    assert (form["column"], "threshold" in form, "score_prefix" in form) == ("predicted", False, False)
    assert client.post(address, form).status_code == 302


def test_other_columns_are_compared_and_the_form_keeps_what_was_filled_in():
    ground = ground_make()
    data = table_make(ground, score=scores, old=others)
    client = client_of(ground.scientist)
    address = f"{reverse('predictions-judge')}?data={data.pk}"
    given = {"data": str(data.pk), "name": NAME, "column": "score", "part": "test", "threshold": "0.6"}

    nameless = client.post(address, given | {"baseline_column": "old"})
    wrong = client.post(address, given | {"column": "age", "threshold": "7"})
    unfit = client.post(address, given | {"column": "age"})
    sent = client.post(address, given | {"baseline_name": "Old card", "baseline_column": "old"})

    assert [answer.status_code for answer in (nameless, wrong, unfit, sent)] == [422, 422, 422, 302]
    assert 'id="id_baseline_name_error"' in nameless.content.decode()
    assert '<details class="fw-more" open>' in nameless.content.decode()
    assert 'id="id_threshold_error"' in wrong.content.decode()
    assert 'id="id_column_error"' in unfit.content.decode()
    assert "goes from 14 to 63" in unfit.content.decode()
    assert filled(unfit.content.decode())["threshold"] == "0.6"
    evaluation = Evaluation.objects.get()
    assert (evaluation.threshold, str(evaluation.baseline_version)) == (0.6, "Old card version 1")
    again = filled(client.get(address).content.decode())
    assert again["name"] == "Old card", "the newest outside model"


def test_what_stands_in_the_way_is_said_in_place_of_the_form():
    ground = ground_make()
    blind = table_make(ground, ["free", "colour", "age", "employed", "checks"], score=scores)
    bare = version_sealed(ground.scientist, dataset_make(ground.scientist, ground.team))
    client = client_of(ground.scientist)

    for data, words in ((blind, "no column “released”"), (bare, "belongs to no problem")):
        shown = client.get(f"{reverse('predictions-judge')}?data={data.pk}")
        sent = client.post(reverse("predictions-judge"), {"data": data.pk, "name": NAME, "column": "score"})
        assert (shown.status_code, sent.status_code) == (200, 409)
        assert words in shown.content.decode()
    assert (
        "Judge predictions in this table"
        not in client.get(reverse("dataset-version-detail", args=[bare.pk])).content.decode()
    )


def test_the_way_is_found_from_the_evaluations_and_leads_through_a_choice_of_tables():
    ground = ground_make()
    data = table_make(ground, score=scores)
    client = client_of(ground.scientist)

    for name in ("evaluation-list", "evaluation-launch"):
        page = client.get(reverse(name)).content.decode()
        assert f'href="{reverse("predictions-judge")}"' in page
        assert "Predictions made elsewhere" in page
    choice = client.get(reverse("predictions-judge")).content.decode()
    assert f'<option value="{data.pk}">' in choice
    nothing = client_of(people()[1]).get(reverse("predictions-judge")).content.decode()
    assert "There is no table to judge" in nothing


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRODUCT_OWNER, Role.OPERATOR])
def test_who_may_not_judge_is_offered_nothing_and_told_who_can(role):
    ground = ground_make()
    data = table_make(ground, score=scores)
    actor = actor_make(role, ground.team)
    client = client_of(actor)

    table = client.get(reverse("dataset-version-detail", args=[data.pk])).content.decode()
    form = client.get(f"{reverse('predictions-judge')}?data={data.pk}").content.decode()

    assert "Judge predictions in this table" not in table
    assert "You may not judge predictions here" in form
    assert client.post(reverse("predictions-judge"), {"data": data.pk}).status_code == 403
    assert post(actor, data).status_code == 403
    assert not ModelVersion.objects.exists()


def test_strangers_and_garbage_find_nothing():
    ground = ground_make()
    data = table_make(ground, score=scores)
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())

    assert client_of(stranger).get(f"{reverse('predictions-judge')}?data={data.pk}").status_code == 404
    assert client_of(stranger).post(reverse("predictions-judge"), {"data": data.pk}).status_code == 404
    assert client_of(ground.scientist).get(f"{reverse('predictions-judge')}?data=x").status_code == 404
    assert post(stranger, data).status_code == 404
    assert Client().post(API, {}, content_type="application/json").status_code == 401


def test_the_api_judges_and_a_key_judges_once():
    ground = ground_make()
    data = table_make(ground, score=scores, old=others)
    client = client_of(ground.scientist)
    body = {
        "dataset_version_id": str(data.pk),
        "name": NAME,
        "column": "score",
        "threshold": 0.6,
        "part": "test",
        "baseline": {"name": "Old card", "column": "old"},
    }

    first, again = (
        client.post(API, body, content_type="application/json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    )

    assert (first.status_code, first.json()) == (201, again.json())
    evaluation = Evaluation.objects.get()
    assert (first.json()["id"], first.json()["threshold"]) == (str(evaluation.pk), 0.6)
    version = client.get(reverse("api-version-detail", args=[evaluation.model_version_id])).json()
    assert (version["format"], version["manifest"], version["source"]) == (
        "predictions",
        [],
        f"datasets:/{data.pk.hex}/score",
    )
    assert version["brought_on_id"] == str(data.pk)
    assert version["brought_columns"] == {"column": "score", "scores": []}
    other = post(ground.scientist, data, baseline_version_id=str(evaluation.baseline_version_id))
    assert other.status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"column": "gone"}, "column"),
        ({"column": ["score"]}, "column"),
        ({"column": "\x00"}, "column"),
        ({"column": "\ud800"}, "column"),
        ({"column": "colour"}, "column"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"threshold": 2}, "threshold"),
        ({"threshold": "NaN"}, "threshold"),
        ({"threshold": "much"}, "threshold"),
        ({"part": "train"}, "part"),
        ({"score_prefix": "p_"}, "score_prefix"),
        ({"dataset_version_id": "x"}, "dataset_version_id"),
        ({"baseline": {"name": "Old"}}, "baseline.column"),
        ({"baseline": {"column": "age"}}, "baseline.name"),
        ({"baseline": "old"}, "baseline"),
        ({"baseline_version_id": "x"}, "baseline_version_id"),
    ],
)
def test_garbage_is_refused_at_its_field(body: dict[str, Any], field: str):
    ground = ground_make()

    answer = post(ground.scientist, table_make(ground, score=scores), **body)

    assert answer.status_code == 400, answer.content
    assert any(name == field or name.startswith(f"{field}.") for name in answer.json()["errors"]), answer.json()
    assert not ModelVersion.objects.exists()


def test_again_is_on_the_same_rows_and_a_launch_of_it_offers_no_others():
    ground = ground_make()
    data = table_make(ground, score=scores)
    failed = judge(ground, data, part="test")
    claim, _ = claim_make(Job.objects.get(pk=failed.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(4))
    client = client_of(ground.scientist)

    page = client.get(reverse("evaluation-detail", args=[failed.pk])).content.decode()
    form = client.get(reverse("evaluation-launch"), {"version": failed.model_version_id}).content.decode()
    sent = client.post(
        reverse("evaluation-launch"),
        {"model_version_id": failed.model_version_id, "part": "test", "dataset_version_id": data.pk},
    )
    job = client.get(reverse("job-detail", args=[Evaluation.objects.latest("number").job_id])).content.decode()

    assert '<input type="hidden" name="part" value="test">' in page
    assert "The table that its answers are in" in form
    assert str(ground.version.pk) not in form
    assert 'name="part"' in form
    assert sent.status_code == 302
    assert Evaluation.objects.latest("number").job.spec["part"] == "test"
    assert "its test part" in job
