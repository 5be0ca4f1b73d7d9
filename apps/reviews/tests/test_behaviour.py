"""Behaviour tests in requests: part of the evidence, asked for before one is sent, told to who decides."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.evaluations.tests.factories import evaluation_complete, stage_make
from apps.problems.tests.factories import COLOUR, PLAIN, behaviour_make
from apps.reviews.tests.factories import PASSING, request_make, scene_make

pytestmark = pytest.mark.django_db


def test_a_behaviour_test_written_since_asks_for_another_evaluation_before_a_request():
    stage = stage_make(objectives=PASSING)
    evaluation_complete(stage)
    behaviour_make(stage.ground.owner, stage.ground.problem)

    with pytest.raises(Conflict) as caught:
        request_make(stage)
    evaluation_complete(stage, by_colour=0.0)
    request = request_make(stage)

    assert "The behaviour tests were changed since the evaluation" in str(caught.value.items)
    assert len(request.evidence["behaviour"]["tests"]) == 1
    assert request.evidence["behaviour"]["found"] == request.evaluation.findings_digest != ""


def test_evidence_of_a_problem_without_behaviour_tests_is_as_it_was_before_there_were_any():
    assert "behaviour" not in scene_make().request.evidence


def test_the_decision_page_tells_behaviour_tests_that_fail_beside_the_gates():
    stage = stage_make(objectives=PASSING)
    behaviour_make(stage.ground.owner, stage.ground.problem, COLOUR)
    behaviour_make(stage.ground.owner, stage.ground.problem, PLAIN, name="Critical one", critical=True, least_share=0)
    evaluation = evaluation_complete(stage, by_colour=0.3)
    request = request_make(stage)

    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.owner.id))

    page = client.get(reverse("review-detail", args=[request.pk])).content.decode()

    assert f"Behaviour: {COLOUR['name']}: fails: " in page
    assert "The test is not critical, so it does not stand in the way." in page
    assert page.count("Behaviour: Critical one: ") == 1, "a gate, and told there only"
    tab = reverse("evaluation-behaviour", args=[evaluation.pk])
    assert f'<a href="{tab}">1 of 2 tests hold</a>' in page
