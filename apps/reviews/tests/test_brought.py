"""Nobody can be asked to approve predictions: there is no model to put live."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.evaluations import services as evaluations
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import evaluation_end, report_make
from apps.problems import selectors as problems
from apps.registry.services import Brought
from apps.registry.tests.factories import answers_make
from apps.reviews import services
from apps.reviews.models import ApprovalRequest
from apps.training.tests.factories import Ground, ground_make

pytestmark = pytest.mark.django_db
WHY = "holds no model, only predictions made elsewhere"


def judged_make(ground: Ground) -> Evaluation:
    """A complete evaluation of predictions made elsewhere."""
    data = answers_make(ground.scientist, ground.team, ground.problem)
    evaluation = evaluations.predictions_judge(
        actor=ground.scientist, dataset_version_id=data.pk, brought=Brought("Scorecard", "score")
    )
    report, statistics = report_make(problems.segment_specs(evaluation.problem_version), baseline=False)
    evaluation_end(evaluation, {"report": report.to_json()}, statistics)
    evaluation.refresh_from_db()
    return evaluation


def test_every_door_of_a_request_says_that_there_is_no_model():
    ground = ground_make()
    evaluation = judged_make(ground)
    version = evaluation.model_version
    client = Client()
    client.force_login(User.objects.get(pk=ground.scientist.id))

    with pytest.raises(Conflict) as caught:
        services.approval_request(actor=ground.scientist, model_version_id=version.pk, evaluation_id=evaluation.pk)
    answer = client.post(
        reverse("api-request-list"), {"model_version_id": str(version.pk)}, content_type="application/json"
    )
    form = client.get(reverse("request-create"), {"version": str(version.pk)}).content.decode()
    judged = client.get(reverse("evaluation-detail", args=[evaluation.pk])).content.decode()

    assert (caught.value.code, len(caught.value.items)) == ("not_ready", 1)
    assert WHY in caught.value.items[0]
    assert answer.status_code == 409
    assert WHY in str(answer.json()["items"])
    assert WHY in form
    assert 'disabled aria-describedby="h-miss">Send request' in form
    assert "Request approval" not in judged
    assert not ApprovalRequest.objects.exists()
