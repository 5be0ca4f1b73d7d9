"""A group over the versions: page part, chart, CSV; hidden groups tell nothing, other teams see nothing."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from analysis.contracts.segments import Support
from apps.accounts.models import User
from apps.accounts.tests.factories import user_make
from apps.evaluations.tests.factories import evaluation_complete, stage_make

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true", "HX-Target": "history"}


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=getattr(person, "id", person)))
    return client


def _group(evaluation, *, hidden: bool) -> dict:
    groups = [one for one in evaluation.report["groups"] if one["level"] > 0]
    return next(one for one in groups if bool(one["suppressed"]) is hidden and bool(one["metrics"]) is not hidden)


def test_a_group_is_followed_over_the_evaluations_with_the_same_numbers_as_the_csv():
    stage = stage_make()
    first = evaluation_complete(stage)
    second = evaluation_complete(stage)
    client = _client(stage.ground.owner)
    group = _group(second, hidden=False)
    metric = "accuracy" if "accuracy" in group["metrics"] else next(iter(group["metrics"]))
    asked = {"key": group["key"], "metric": metric}

    page = client.get(reverse("evaluation-group", args=[second.pk]), asked).content.decode()
    part = client.get(reverse("evaluation-group", args=[second.pk]), asked, headers=PART).content.decode()
    file = client.get(reverse("evaluation-group-history-csv", args=[second.pk]), asked)
    lines = list(csv.DictReader(io.StringIO(file.content.decode())))

    assert 'id="history"' in page
    assert "<html" not in part
    assert [int(line["evaluation"]) for line in lines] == [second.number, first.number]
    for line, evaluation in zip(lines, (second, first), strict=True):
        held = next(one for one in evaluation.report["groups"] if one["key"] == group["key"])["metrics"][metric]
        assert float(line["value"]) == held["value"]
        assert f"Evaluation {evaluation.number}</a>" in part
    drawn = json.loads(re.search(r'<script type="application/json">(\{.*?\})</script>', part, re.DOTALL)[1])
    assert drawn["data"][0]["x"] == [str(first.number), str(second.number)]
    assert "this one" in part


def test_a_hidden_group_has_no_number_in_its_history():
    stage = stage_make()
    evaluation = evaluation_complete(stage, n=500, least=Support(400, 10, 10))
    client = _client(stage.ground.owner)
    hidden = _group(evaluation, hidden=True)

    part = client.get(
        reverse("evaluation-group", args=[evaluation.pk]), {"key": hidden["key"]}, headers=PART
    ).content.decode()
    file = client.get(reverse("evaluation-group-history-csv", args=[evaluation.pk]), {"key": hidden["key"]})

    line = next(csv.DictReader(io.StringIO(file.content.decode())))
    assert "hidden" in part
    assert (line["value"], line["rows"]) == ("", "")
    assert "hidden" in line["note"]


def test_a_stranger_and_a_wrong_key_find_nothing():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    url = reverse("evaluation-group-history-csv", args=[evaluation.pk])

    assert _client(user_make()).get(url, {"key": "overall"}).status_code == 404
    assert _client(stage.ground.owner).get(url, {"key": "no\x00such"}).status_code == 404
    assert _client(stage.ground.owner).get(url, {"key": "overall", "metric": "nonsense"}).status_code == 200
