"""The matrix shows the candidate, what it is compared with on the same rows, and the numbers at approval."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Report
from apps.accounts.models import User
from apps.evaluations.contracts import approvals_of_register, change_signed, listeners, value_text
from apps.evaluations.tests.factories import evaluation_complete, stage_make

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true", "HX-Target": "matrix"}


@pytest.fixture
def approvals() -> Iterator[None]:
    """What a test registers as approved does not outlive it."""
    before = list(listeners._approvals)
    yield
    listeners._approvals[:] = before


def _matrix(stage, evaluation, query=""):
    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.owner.id))
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(f"{reverse('evaluation-detail', args=[evaluation.pk])}{query}", headers=PART)
    assert answer.status_code == 200
    assert len(asked) <= 15
    return answer.content.decode()


def _told(group, name, side="metrics"):
    return value_text(metric_get(name), (getattr(group, side) or {})[name].value)


def test_the_version_that_it_is_compared_with_is_shown_on_the_same_rows():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    report = Report.from_json(evaluation.report)

    own, base = _matrix(stage, evaluation), _matrix(stage, evaluation, "?of=baseline")

    group = report.group("Colour=Black")
    assert f"Live version {stage.live.number}" in own
    assert "as approved" not in own, "nobody approved anything yet"
    assert _told(group, "fnr") in own
    assert _told(group, "fnr", "baseline") in base
    assert "on the same rows" in base
    assert 'class="fw-dv"' not in base, "it is not compared with itself"


@pytest.mark.usefixtures("approvals")
def test_numbers_at_approval_stand_with_what_changed_since():
    stage = stage_make()
    past = evaluation_complete(stage, version=stage.live, baseline_version_id=stage.candidate.pk, seed=3)
    evaluation = evaluation_complete(stage)
    approvals_of_register(lambda ids: {past.pk: "3 May 2026"} if past.pk in ids else {})

    page = _matrix(stage, evaluation, "?of=approved")
    other = _matrix(stage, evaluation, "?of=nonsense")

    then, now = Report.from_json(past.report).overall, Report.from_json(evaluation.report).overall
    metric = metric_get("fnr")
    since = change_signed(metric, now.baseline["fnr"].value - then.metrics["fnr"].value)
    assert f"Version {stage.live.number} as approved" in other
    assert f"version {stage.live.number} as approved, with its change since" in page
    assert _told(then, "fnr") in page
    assert since in page
    assert "approved on 3 May 2026" in page
    assert "other rows" in page
    assert f"Evaluation {past.number}</a>" in page
