"""People's own code on another target than this machine: where that can be, and what is said where it cannot."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from apps.code.tests.factories import bundle_make
from apps.compute.tests.factories import healthy_make, local, target_make
from apps.core.errors import Conflict, Invalid
from apps.jobs.models import Job
from apps.training import services
from apps.training.models import CodeLaunch, LaunchTemplate
from apps.training.tests.factories import ground_make
from apps.training.tests.test_code_web import SOURCE, client_of, said

pytestmark = pytest.mark.django_db
LOCK = "tinyland==1.0 --hash=sha256:" + "0" * 64 + "\n"


def test_code_with_fairways_own_packages_goes_where_it_is_sent_and_a_template_remembers():
    ground = ground_make()
    far = healthy_make(name="far")
    bundle = bundle_make(ground.scientist, ground.team, "print('hello')\n")

    launch = services.code_launch(actor=ground.scientist, bundle_id=bundle.pk, target_id=far.pk)
    template = services.template_save(actor=ground.scientist, name="Far", bundle_id=bundle.pk, target_id=far.pk)
    again = services.template_launch(actor=ground.scientist, template_id=template.pk)
    here = services.code_launch(actor=ground.scientist, bundle_id=bundle.pk)

    assert [one.job.target for one in (launch, again)] == [far, far]
    assert here.job.target == local()
    page = client_of(ground.scientist).get(reverse("template-detail", args=[template.pk])).content.decode()
    assert "<dd>far</dd>" in page


def test_a_lockfile_stays_on_this_machine_and_a_target_that_takes_nothing_is_refused():
    ground = ground_make()
    far, untested = healthy_make(name="far"), target_make(name="new")
    bundle = bundle_make(ground.scientist, ground.team, {"train.py": "print('hello')\n", "requirements.lock": LOCK})

    def launch(**said) -> None:
        services.code_launch(actor=ground.scientist, bundle_id=bundle.pk, **said)

    with pytest.raises(Invalid, match="unpacked on this machine, not on far") as refused:
        launch(target_id=far.pk)
    assert list(refused.value.fields) == ["target_id"]
    with pytest.raises(Conflict, match="Nothing was queued"):
        launch(target_id=untested.pk, environment="own")
    assert not CodeLaunch.objects.exists()
    launch(target_id=far.pk, environment="own")
    assert Job.objects.get(kind="train").target == far


def test_the_form_and_the_api_choose_a_target():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, SOURCE)
    client = client_of(ground.scientist)
    assert 'name="target"' not in client.get(reverse("code-launch")).content.decode()
    far = healthy_make(name="far")

    page = client.get(reverse("code-launch")).content.decode()
    client.post(reverse("code-launch"), said(ground, bundle, target=str(far.pk)))
    body = {"bundle_id": str(bundle.pk), "params": {"data": str(ground.version.pk)}, "target_id": str(far.pk)}
    made = client.post("/api/v1/code-launches", json.dumps(body), content_type="application/json")

    assert 'name="target"' in page
    assert made.status_code == 201
    assert [job.target for job in Job.objects.filter(kind="train")] == [far, far]
    assert not LaunchTemplate.objects.exists()
