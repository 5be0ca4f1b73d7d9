"""People's own code done again: the same, within the tolerance, or apart, with the first step that differs."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make
from apps.code.tests.factories import bundle_make
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.experiments.models import Run
from apps.jobs import services as job_services
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.tests.factories import first_make, scientist
from apps.registry.models import ModelVersion
from apps.training import services
from apps.training.models import CodeLaunch, Reproduction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _web(settings, tmp_path, live_server):
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url


def ran(job: Job) -> Job:
    first_make(job)
    tasks.job_run(str(job.pk))
    return Job.objects.get(pk=job.pk)


def done(source: str, **fields) -> tuple[object, CodeLaunch]:
    """A launch of this code that ended well, and who launched it."""
    actor, team = fields.pop("who", None) or scientist()
    launch = services.code_launch(actor=actor, bundle_id=bundle_make(actor, team, source).pk, **fields)
    job = ran(launch.job)
    assert job.state == "SUCCEEDED", job.cause
    return actor, launch


def again(actor, launch: CodeLaunch, **fields) -> Reproduction:
    """Reproduced to its end."""
    reproduction = services.run_reproduce(actor=actor, run_id=launch.run_id, **fields)
    ran(reproduction.again.job)
    return Reproduction.objects.get(pk=reproduction.pk)


SEEDED = """
import random
from pathlib import Path


def train(data: Path, rate: float = 0.5, seed: int = 0) -> dict:
    random.seed(seed)
    Path("outputs/note.txt").write_text(str(random.random() * rate))
    return {"drawn": random.random() * rate, "rows": len(data.read_text().splitlines())}
"""

ALONE = SEEDED.replace("data: Path, ", "").replace(', "rows": len(data.read_text().splitlines())', "")

# Differs by a hair or by much from step 1 on, for it measures the clock.
LOGS = """
import sys
import time
import mlflow

with mlflow.start_run():
    for step in range(3):
        mlflow.log_metric("loss", 1.0 + (time.time_ns() % 1000 + 1) * {scale} * (step >= 1), step=step)
"""


def test_seeded_code_on_the_same_data_is_identical_and_registers_nothing():
    actor, team = scientist()
    data = version_sealed(actor, dataset_make(actor, team), csv_bytes(rows_make(40)))
    actor, launch = done(SEEDED, who=(actor, team), params={"data": str(data.pk), "rate": 0.25}, seed=7)

    found = again(actor, launch)

    assert (found.verdict, found.found["model"], found.found["points"]) == ("IDENTICAL", True, 2)
    run = Run.objects.get(pk=found.run_id)
    original = Run.objects.get(pk=launch.run_id)
    assert (run.seed, run.params, run.code) == (7, original.params, original.code)
    assert run.environment["digest"] == original.environment["digest"]
    assert [one.dataset_version_id for one in run.inputs.all()] == [data.pk]
    assert not ModelVersion.objects.exists()
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    page = client.get(f"/runs/{launch.run_id}/").content.decode()
    assert "the files that it kept are the same to the last bit" in page
    answer = client.get(f"/api/v1/runs/{launch.run_id}/reproductions").json()
    assert [one["verdict"] for one in answer] == ["IDENTICAL"]
    assert answer[0]["job_id"] == str(found.job_id)


def test_a_hair_apart_is_within_the_tolerance_and_more_names_the_first_step():
    actor, launch = done(LOGS.format(scale="1e-15"))
    assert again(actor, launch).verdict in ("WITHIN", "IDENTICAL")

    actor, launch = done(LOGS.format(scale="time.time_ns() * 1e-15"))
    found = again(actor, launch)
    assert found.verdict == "DIFFERS"
    assert (found.found["first"]["key"], found.found["first"]["step"]) == ("loss", 1)


def test_code_that_keeps_other_bytes_and_measures_nothing_differs():
    actor, launch = done("import time\nopen('outputs/now.txt', 'w').write(str(time.time_ns()))\n")

    assert again(actor, launch).verdict == "DIFFERS"


def test_code_that_left_nothing_has_nothing_to_compare():
    actor, launch = done("print('hello')\n")

    with pytest.raises(Conflict, match="nothing to compare"):
        services.run_reproduce(actor=actor, run_id=launch.run_id)


RESUMED = """
import os
from pathlib import Path

state = Path(os.environ["FAIRWAY_CHECKPOINT"]) / "state"
if not state.exists():
    state.write_text("1")
    raise SystemExit("first")
Path("outputs/done.txt").write_text("done")
"""


def test_a_run_that_went_on_from_a_checkpoint_is_not_reproduced():
    actor, team = scientist()
    bundle = bundle_make(actor, team, RESUMED)
    launch = services.code_launch(actor=actor, bundle_id=bundle.pk, checkpoint="kept")
    failed = ran(launch.job)
    job = ran(job_services.job_retry(actor=actor, job_id=failed.pk, resume=True))
    assert job.state == "SUCCEEDED", job.cause

    with pytest.raises(Conflict, match="went on from a checkpoint"):
        services.run_reproduce(actor=actor, run_id=job.run_id)


def test_a_reproduction_that_fails_says_so_and_its_retry_reproduces_the_same_run():
    actor, launch = done(ALONE)
    reproduction = services.run_reproduce(actor=actor, run_id=launch.run_id)
    with pytest.raises(Conflict, match="reproduces it already"):
        services.run_reproduce(actor=actor, run_id=launch.run_id)
    job_services.job_cancel(actor=actor, job_id=reproduction.job_id)
    assert Reproduction.objects.get(pk=reproduction.pk).verdict == "FAILED"

    retried = ran(job_services.job_retry(actor=actor, job_id=reproduction.job_id))

    assert retried.state == "SUCCEEDED", retried.cause
    assert Reproduction.objects.order_by("-id").first().verdict == "IDENTICAL"


def test_who_may_not_launch_code_does_not_reproduce_it():
    _, launch = done(ALONE)

    with pytest.raises(Forbidden):
        services.run_reproduce(actor=actor_make(Role.PRODUCT_OWNER, launch.team), run_id=launch.run_id)
