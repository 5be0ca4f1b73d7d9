"""People's own code goes on from what it kept: after a loss by itself, after a failure by hand."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.code.tests.factories import bundle_make
from apps.core.errors import Invalid
from apps.experiments import selectors as experiments
from apps.experiments.models import Run
from apps.jobs import selectors as jobs
from apps.jobs import services as job_services
from apps.jobs import tasks
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import first_make, scientist
from apps.lineage.models import LineageEdge
from apps.training import services

pytestmark = pytest.mark.django_db(transaction=True)

PROJECT = """
[tool.fairway]
entry = "count.py"
checkpoint = "kept"
"""
COUNT = """
import os
import signal
from pathlib import Path

folder = Path(os.environ["FAIRWAY_CHECKPOINT"])
state = folder / "state.txt"
done = int(state.read_text()) if state.exists() else 0
print("begins at", done, "after", os.environ["FAIRWAY_RESUMED_FROM"] or "nothing")
state.write_text(str(done + 1))
if done == 0:
    raise SystemExit("the first time it fails")
"""


@pytest.fixture(autouse=True)
def _web(settings, tmp_path, live_server):
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url


def ran(job: Job) -> tuple[Job, list[str]]:
    first_make(job)
    tasks.job_run(str(job.pk))
    job = Job.objects.get(pk=job.pk)
    return job, [line.text for line in jobs.log_lines(job)]


def test_a_failed_launch_is_resumed_from_its_checkpoint_and_says_so():
    actor, team = scientist()
    bundle = bundle_make(actor, team, {"pyproject.toml": PROJECT, "count.py": COUNT})
    launch = services.code_launch(actor=actor, bundle_id=bundle.pk)

    job, lines = ran(launch.job)
    assert job.state == "FAILED"
    assert "begins at 0 after nothing" in lines
    files = experiments.run_files(Run.objects.get(pk=launch.run_id))[0]
    assert [(file.path, file.size) for file in files] == [("checkpoint/state.txt", 1)]

    again, lines = ran(job_services.job_retry(actor=actor, job_id=job.pk, resume=True))
    assert again.state == "SUCCEEDED", (again.cause, lines)
    assert f"begins at 1 after job {job.number}, attempt 1" in lines
    attempt = JobAttempt.objects.get(job=again)
    assert (attempt.resumed_from["job_number"], attempt.resumed_from["attempt"]) == (job.number, 1)
    assert LineageEdge.objects.filter(subject_id=again.run_id, relation="INFORMED_BY", object_id=launch.run_id).exists()
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    page = client.get(f"/jobs/{again.pk}/").content.decode()
    assert "Resumed from the checkpoint of" in page
    assert f"/jobs/{job.pk}/" in page


def test_a_lost_attempt_goes_on_by_itself():
    actor, team = scientist()
    source = COUNT.replace('raise SystemExit("the first time it fails")', "os.kill(os.getppid(), signal.SIGKILL)")
    source = source.replace("if done == 0:", "if done == 0:\n    keep_wait(folder)")
    source = source.replace("folder = Path", WAIT + "\n\nfolder = Path", 1)
    bundle = bundle_make(actor, team, {"pyproject.toml": PROJECT, "count.py": source})
    launch = services.code_launch(actor=actor, bundle_id=bundle.pk)

    job, lines = ran(launch.job)
    assert job.state == "QUEUED", (job.cause, lines)
    job, lines = ran(job)

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert f"begins at 1 after job {job.number}, attempt 1" in lines
    assert [one.resumed_from is not None for one in JobAttempt.objects.filter(job=job).order_by("number")] == [
        False,
        True,
    ]


WAIT = '''
import json
import time
import urllib.request


def keep_wait(folder):
    """Until the checkpoint is kept: the record of the job says so."""
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/v1/attempt/checkpoint"
    for _ in range(600):
        time.sleep(0.1)
        bearer = {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
        request = urllib.request.Request(url, headers=bearer)
        if json.load(urllib.request.urlopen(request))["number"]:
            return
'''


def test_the_folder_of_the_form_wins_over_the_declared_one_and_is_checked():
    actor, team = scientist()
    bundle = bundle_make(actor, team, {"pyproject.toml": PROJECT, "count.py": COUNT})

    assert services.code_launch(actor=actor, bundle_id=bundle.pk).job.spec["checkpoint"] == "kept"
    other = services.code_launch(actor=actor, bundle_id=bundle.pk, checkpoint="a/b/")
    assert (other.job.spec["checkpoint"], other.checkpoint) == ("a/b", "a/b")
    assert services.code_launch(actor=actor, bundle_id=bundle.pk, checkpoint="").job.spec["checkpoint"] == ""
    for bad in ("../up", "/tmp", "a//b", "x" * 201, "a\\b", "."):
        with pytest.raises(Invalid) as refused:
            services.code_launch(actor=actor, bundle_id=bundle.pk, checkpoint=bad)
        assert "checkpoint" in refused.value.fields


@pytest.mark.parametrize("declared", ['"../up"', "3", '"/etc"'])
def test_a_declared_folder_outside_the_code_is_refused_with_the_bundle(declared):
    actor, team = scientist()
    project = PROJECT.replace('"kept"', declared)

    with pytest.raises(Invalid, match=r"pyproject\.toml") as refused:
        bundle_make(actor, team, {"pyproject.toml": project, "count.py": COUNT})
    assert "file" in refused.value.fields


def test_a_template_remembers_folder_and_priority():
    actor, team = scientist()
    bundle = bundle_make(actor, team, {"pyproject.toml": PROJECT, "count.py": COUNT})
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))

    template = services.template_save(
        actor=actor, name="nightly", bundle_id=bundle.pk, checkpoint="other", priority="low"
    )
    launch = services.template_launch(actor=actor, template_id=template.pk)
    form = client.get(f"/code/launch/?template={template.pk}").content.decode()

    assert (launch.job.priority, launch.checkpoint) == (Job.Priority.LOW, "other")
    assert 'value="other"' in form
    assert '<option value="low" selected>' in form
