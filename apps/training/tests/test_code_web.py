"""The launch form of people's own code, and templates, on the pages and by the API."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.code.tests.factories import bundle_make
from apps.core.actors import Actor
from apps.jobs.models import Job
from apps.training.models import CodeLaunch, LaunchTemplate
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db

SOURCE = '''
from pathlib import Path
from typing import Annotated, Literal


def train(
    data: Path,
    rate: Annotated[float, Ge(0), Le(1)] = 0.5,
    kind: Literal["fast", "exact"] = "fast",
    verbose: bool = True,
):
    """Fit the model."""
'''


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def said(ground, bundle, **changes: str) -> dict[str, str]:
    return {
        "bundle": str(bundle.pk),
        "entry": "train.py:train",
        "drawn": "train.py:train",
        "p.data": str(ground.version.pk),
        "p.rate": "0,25",
        "p.kind": "exact",
        "environment": "own",
        "problem": "",
        "seed": "3",
        "name": "",
        "key": "5b1c2c3e-7d2f-4f6a-9c6e-0d3f0a1b2c3d",
        **changes,
    }


def test_the_form_has_a_field_for_each_parameter_with_its_default_range_and_inputs():
    ground = ground_make()
    bundle_make(ground.scientist, ground.team, SOURCE)
    client = client_of(ground.scientist)

    page = client.get(reverse("code-launch"), {"dataset_version": str(ground.version.pk)}).content.decode()

    assert "Fit the model." in page
    assert "At least 0 and at most 1." in page
    assert re.search(rf'<option value="{ground.version.pk}" selected', page)
    assert re.search(r'name="p.rate"[^>]*value="0.5"|value="0.5"[^>]*name="p.rate"', page)
    assert "fairway launch" in page
    assert "/api/v1/code-launches" in page


def test_a_sent_form_queues_one_job_however_often_it_is_sent():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)
    client = client_of(ground.scientist)

    first = client.post(reverse("code-launch"), said(ground, bundle))
    second = client.post(reverse("code-launch"), said(ground, bundle))

    launch = CodeLaunch.objects.get()
    assert first.url == second.url == reverse("job-detail", args=[launch.job_id])
    assert launch.params == {"data": str(ground.version.pk), "rate": 0.25, "kind": "exact", "verbose": False}
    assert Job.objects.filter(kind="train").count() == 1
    page = client.get(first.url).content.decode()
    assert str(bundle) in page


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"p.rate": "7"}, "Give a number, at least 0 and at most 1."),
        ({"p.rate": "fast"}, "Give a number, at least 0 and at most 1."),
        ({"p.kind": "other"}, "Select a valid choice"),
        ({"p.data": ""}, "This field is required."),
        ({"seed": "-1"}, "A whole number from 0"),
        ({"entry": "command:", "command": ""}, "Give a command"),
        ({"entry": "command:", "command": "python 'train.py"}, "cannot be split into words"),
    ],
)
def test_what_is_not_right_is_said_beside_its_field_and_the_form_keeps_its_content(changes, why):
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)

    answer = client_of(ground.scientist).post(reverse("code-launch"), said(ground, bundle, name="kept name", **changes))

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert "kept name" in answer.content.decode()
    assert not CodeLaunch.objects.exists()


def test_a_template_is_saved_from_the_form_and_fills_it_again():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)
    client = client_of(ground.scientist)

    saved = client.post(reverse("code-launch"), said(ground, bundle, save="1", template_as="weekly"))
    again = client.post(reverse("code-launch"), said(ground, bundle, save="1", template_as="Weekly"))

    template = LaunchTemplate.objects.get()
    assert saved.url == reverse("template-list")
    assert "The team has a template called “Weekly”" in again.content.decode()
    page = client.get(reverse("code-launch"), {"template": str(template.pk)}).content.decode()
    assert 'value="0.25"' in page
    assert "weekly" in client.get(reverse("template-list")).content.decode()
    client.post(reverse("template-remove", args=[template.pk]))
    assert client.get(reverse("template-detail", args=[template.pk])).status_code == 404


def test_a_run_is_cloned_with_what_it_was_launched_with():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)
    client = client_of(ground.scientist)
    client.post(reverse("code-launch"), said(ground, bundle))
    run_id = CodeLaunch.objects.get().run_id

    menu = client.get(reverse("run-detail", args=[run_id])).content.decode()
    form = client.get(reverse("code-launch"), {"clone": str(run_id)}).content.decode()

    assert f"{reverse('code-launch')}?clone={run_id}" in menu
    assert "Cloned from" in form
    assert 'value="0.25"' in form
    assert re.search(r'name="seed"[^>]*value="3"|value="3"[^>]*name="seed"', form)


def test_a_viewer_is_told_who_can_and_another_team_sees_nothing():
    ground, other = ground_make(), ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)

    refused = client_of(ground.owner).get(reverse("code-launch"), {"bundle": str(bundle.pk)})
    strange = client_of(other.scientist).get(reverse("code-launch"), {"bundle": str(bundle.pk)})
    sent = client_of(other.scientist).post(reverse("code-launch"), said(ground, bundle))

    assert "A data scientist or an operator can do this" in refused.content.decode()
    assert (strange.status_code, sent.status_code) == (404, 404)
    assert not CodeLaunch.objects.exists()


def test_data_of_another_team_is_no_input():
    ground, other = ground_make(), ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)

    answer = client_of(ground.scientist).post(
        "/api/v1/code-launches",
        json.dumps({"bundle_id": str(bundle.pk), "params": {"data": str(other.version.pk)}}),
        content_type="application/json",
    )

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["params.data"] if "errors" in answer.json() else True
    assert not CodeLaunch.objects.exists()


def test_the_api_gives_one_launch_for_one_key_and_says_what_is_wrong_at_its_parameter():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)
    client = client_of(ground.scientist)
    body = {"bundle_id": str(bundle.pk), "params": {"data": str(ground.version.pk)}, "idempotency_key": "nightly-7"}

    first = client.post("/api/v1/code-launches", json.dumps(body), content_type="application/json")
    second = client.post("/api/v1/code-launches", json.dumps(body), content_type="application/json")
    wrong = client.post(
        "/api/v1/code-launches",
        json.dumps({**body, "params": {"data": "no id", "rate": 9, "other": 1}, "idempotency_key": ""}),
        content_type="application/json",
    )

    assert (first.status_code, second.status_code, wrong.status_code) == (201, 201, 400)
    assert first.json()["id"] == second.json()["id"]
    assert "params.rate" in wrong.content.decode()
    assert "params.other" in wrong.content.decode()
    template = client.post(
        "/api/v1/launch-templates",
        json.dumps({"name": "nightly", "bundle_id": str(bundle.pk), "params": body["params"]}),
        content_type="application/json",
    ).json()
    launched = client.post(
        f"/api/v1/launch-templates/{template['id']}/launch",
        json.dumps({"params": {"rate": 0.75}}),
        content_type="application/json",
    )
    assert launched.json()["params"]["rate"] == 0.75


def test_the_page_of_a_dataset_leads_to_code_that_reads_it():
    ground = ground_make()
    bundle_make(ground.scientist, ground.team, SOURCE)

    page = client_of(ground.scientist).get(reverse("dataset-version-detail", args=[ground.version.pk])).content.decode()

    assert f"{reverse('code-launch')}?dataset_version={ground.version.pk}" in page
