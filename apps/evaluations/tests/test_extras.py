"""Crossings of three, controls and recall to reach: asked at the launch, told to the child, shown on the page."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from analysis.contracts.metrics import SPECIFICITY_AT
from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.core.errors import Invalid
from apps.evaluations.models import Evaluation
from apps.evaluations.services import Extras
from apps.evaluations.tests.factories import evaluation_complete, evaluation_running, stage_make
from apps.evaluations.web.launch import BETWEEN
from apps.jobs import services as jobs
from apps.jobs.tests.factories import claim_make, exited
from apps.problems import selectors as problems

pytestmark = pytest.mark.django_db


def _names(stage) -> list[str]:
    return [one.name for one in problems.segment_specs(problems.version_current(stage.ground.problem))]


def _user(actor) -> User:
    return User.objects.get(pk=actor.id)


def _browser(actor) -> Client:
    client = Client()
    client.force_login(_user(actor))
    return client


def test_what_is_asked_is_told_to_the_child_and_shown_on_the_page():
    stage = stage_make()
    names = _names(stage)
    extras = Extras(controls=(names[0],), triples=(tuple(names[:3]),) if len(names) > 2 else (), sensitivities=(0.9,))

    evaluation = evaluation_complete(stage, extras=extras, n=4000)
    page = _browser(stage.ground.owner).get(reverse("evaluation-detail", args=[evaluation.pk])).content.decode()

    assert evaluation.job.spec["controls"] == [names[0]]
    assert evaluation.job.spec["sensitivities"] == [0.9]
    assert evaluation.report["conditional"]
    assert "The same gaps, like compared with like" in page
    within = re.search(r'<section class="fw-card" id="within".*?</section>', page, re.DOTALL)[0]
    assert f"{names[0]}: " in within
    shown = next(one for one in evaluation.report["groups"] if one["key"] == "overall")["metrics"]
    assert f"{SPECIFICITY_AT}0.9" in shown


def test_a_crossing_of_three_stands_among_the_crossings_and_has_a_page():
    stage = stage_make()
    names = _names(stage)
    if len(names) < 3:
        pytest.fail("the stage needs three segments for a crossing of three")
    evaluation = evaluation_complete(stage, extras=Extras(triples=(tuple(names[:3]),)), n=9000)
    client = _browser(stage.ground.owner)
    url = reverse("evaluation-detail", args=[evaluation.pk])

    part = client.get(f"{url}?crossings=all", headers={"HX-Request": "true", "HX-Target": "matrix"}).content.decode()

    three = [one for one in evaluation.report["groups"] if one["level"] == 3 and not one["suppressed"]]
    assert three
    assert all(one["label"] in part for one in three)
    page = client.get(reverse("evaluation-group", args=[evaluation.pk]), {"key": three[0]["key"]})
    assert page.status_code == 200
    assert "The groups that it is made of" in page.content.decode()


@pytest.mark.parametrize(
    ("extras", "field"),
    [
        ({"controls": ["no such"]}, "controls"),
        ({"triples": [["a", "b", "c"]]}, "triples"),
        ({"sensitivities": [0.0]}, "sensitivities"),
        ({"sensitivities": [float("nan")]}, "sensitivities"),
        ({"sensitivities": [0.9, 0.9]}, "sensitivities"),
        ({"top_k": [3]}, "top_k"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_nothing_is_queued(extras, field):
    stage = stage_make()

    with pytest.raises(Invalid) as refused:
        evaluation_running(stage, extras=Extras.of(extras))

    assert list(refused.value.fields) == [field]
    assert not Evaluation.objects.exists()


def test_the_api_takes_the_same_and_refuses_garbage():
    stage = stage_make()
    names = _names(stage)
    scientist = stage.ground.scientist
    _, secret = token_create(actor=scientist, user=_user(scientist), name="t", scopes=["read", "write"], days=1)
    client = Client(headers={"Authorization": f"Bearer {secret}"})

    def send(**more):
        body = {"model_version_id": str(stage.candidate.pk), **more}
        return client.post("/api/v1/evaluations", body, content_type="application/json")

    assert send(controls=[names[0]], sensitivities=[0.8, 0.95]).status_code == 201
    assert Evaluation.objects.get().job.spec["sensitivities"] == [0.8, 0.95]
    for more in (
        {"controls": "x"},
        {"triples": [["a"]]},
        {"sensitivities": ["b"]},
        {"top_k": [0]},
        {"controls": ["x"]},
    ):
        answer = send(**more)
        assert answer.status_code == 400, more
        assert any(name.startswith(next(iter(more))) for name in answer.json()["errors"])


def test_the_form_offers_what_the_problem_has_and_launches_it():
    stage = stage_make()
    names = _names(stage)
    client = _browser(stage.ground.scientist)
    url = f"{reverse('evaluation-launch')}?version={stage.candidate.pk}"

    page = client.get(url).content.decode()
    sent = {"model_version_id": str(stage.candidate.pk), "controls": [names[0]], "sensitivities": ["0.9"]}
    if len(names) > 2:
        sent["triples"] = [BETWEEN.join(names[:3])]
    answer = client.post(reverse("evaluation-launch"), sent)

    assert "Measure more" in page
    assert "Is the class among the first" not in page
    evaluation = Evaluation.objects.get()
    assert answer.url == reverse("evaluation-detail", args=[evaluation.pk])
    assert evaluation.job.spec["controls"] == [names[0]]


def test_a_retry_asks_the_same_again():
    stage = stage_make()
    names = _names(stage)
    evaluation = evaluation_running(stage, extras=Extras(controls=(names[0],)))
    claim, _ = claim_make(evaluation.job)
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(3))

    new = jobs.job_retry(actor=stage.ground.scientist, job_id=evaluation.job_id)

    assert new.spec["controls"] == [names[0]]
    assert Extras.of({"controls": ["gone", names[0]]}).fitting(names).controls == (names[0],)
