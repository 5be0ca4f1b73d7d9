"""Code that runs in an environment of its own lock: waited for, built once, reused, and refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.code import selectors as code
from apps.code import services as code_services
from apps.code.models import Environment
from apps.code.tests.factories import bundle_make, wheel_make
from apps.core.errors import Conflict
from apps.jobs import selectors as jobs
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.tests.factories import scientist
from apps.training import services
from apps.training.models import CodeLaunch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wheels(settings, tmp_path, live_server) -> Path:
    """A folder of wheels in place of the package index, and a web for the child."""
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url
    folder = tmp_path / "wheels"
    folder.mkdir()
    settings.PACKAGE_FOLDER = str(folder)
    return folder


def lines(job_id) -> list[str]:
    return [line.text for line in jobs.log_lines(Job.objects.get(pk=job_id))]


def state(job_id) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=job_id)


SOURCE = "import sys\nimport tinyland\nprint('found', tinyland.ANSWER, sys.prefix)\n"


def launched(actor, team, lock: str, source: str = SOURCE) -> CodeLaunch:
    bundle = bundle_make(actor, team, {"train.py": source, "requirements.lock": lock})
    return services.code_launch(actor=actor, bundle_id=bundle.pk)


def test_a_job_waits_for_its_environment_which_is_built_once_and_reused_without_any_index(wheels, settings):
    actor, team = scientist()
    lock = wheel_make(wheels)

    first = launched(actor, team, lock)
    environment = Environment.objects.get()
    build = Job.objects.get(pk=environment.job_id)

    assert (first.job.state, first.job.progress_text) == (
        "PENDING",
        f"Waits for its environment, which job {build.number} builds.",
    )
    tasks.job_run(str(build.pk))
    environment.refresh_from_db()
    assert environment.state == "READY", "\n".join(lines(build.pk))
    assert state(first.job_id) == "QUEUED"
    tasks.job_run(str(first.job_id))
    assert state(first.job_id) == "SUCCEEDED", lines(first.job_id)
    assert first.run.environment["digest"] == environment.digest

    for wheel in wheels.iterdir():
        wheel.unlink()
    again = launched(actor, team, lock, SOURCE + "# changed\n")
    assert again.job.state == "QUEUED"
    tasks.job_run(str(again.job_id))

    assert state(again.job_id) == "SUCCEEDED"
    place = settings.FAIRWAY_HOME / "environments"
    assert any(line.startswith(f"found 42 {place}") for line in lines(again.job_id))
    assert Job.objects.filter(kind="build").count() == 1


def test_scripts_of_the_environment_run_as_a_command(wheels):
    actor, team = scientist()
    bundle = bundle_make(actor, team, {"note.txt": "none", "requirements.lock": wheel_make(wheels)})

    launch = services.code_launch(actor=actor, bundle_id=bundle.pk, command="tinyland")
    tasks.job_run(str(Environment.objects.get().job_id))
    tasks.job_run(str(launch.job_id))

    assert state(launch.job_id) == "SUCCEEDED", lines(launch.job_id)
    assert "the answer is 42" in lines(launch.job_id)


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        ("tinyland==2.0 --hash=sha256:" + "a" * 64, "tinyland==2.0: the package index has no wheel of it"),
        ("tinyland==1.0 --hash=sha256:" + "a" * 64, "the file of the index is not the one that the lock names"),
    ],
)
def test_an_environment_that_cannot_be_built_fails_what_waits_for_it_with_the_reason(wheels, lock, why):
    actor, team = scientist()
    wheel_make(wheels)

    launch = launched(actor, team, lock)
    environment = Environment.objects.get()
    tasks.job_run(str(environment.job_id))

    environment.refresh_from_db()
    job = Job.objects.get(pk=launch.job_id)
    assert environment.state == "FAILED"
    assert why in environment.cause
    assert job.state == "FAILED"
    assert why in job.cause
    launch.run.refresh_from_db()
    assert launch.run.status == "FAILED"


def test_an_environment_that_a_job_uses_is_not_removed_and_a_removed_one_is_built_again(wheels, settings):
    actor, team = scientist()
    lock = wheel_make(wheels)
    launch = launched(actor, team, lock)
    environment = Environment.objects.get()
    tasks.job_run(str(environment.job_id))

    with pytest.raises(Conflict) as kept:
        code_services.environment_delete(actor=actor, environment_id=environment.pk)
    assert f"job {launch.job.number}" in kept.value.detail
    assert code.removal_preview(actor, environment.pk)["kept_by"] == [f"job {launch.job.number}"]
    tasks.job_run(str(launch.job_id))

    code_services.environment_delete(actor=actor, environment_id=environment.pk, reason="no room")
    code_services.places_sweep()
    assert [path.name for path in (settings.FAIRWAY_HOME / "environments").iterdir() if path.is_dir()] == []
    again = launched(actor, team, lock, SOURCE + "# more\n")
    assert again.job.state == "PENDING"
    assert Environment.objects.get().state == "BUILDING"


def test_cancelling_the_build_ends_what_waits_for_it(wheels):
    from apps.jobs import services as job_services

    actor, team = scientist()
    launch = launched(actor, team, wheel_make(wheels))

    job_services.job_cancel(actor=actor, job_id=Environment.objects.get().job_id, reason="wrong lock")

    job = Job.objects.get(pk=launch.job_id)
    assert job.state == "FAILED"
    assert "wrong lock" in job.cause
    assert Environment.objects.get().state == "FAILED"


def test_a_waiting_job_is_cancelled_at_once(wheels):
    from apps.jobs import services as job_services

    actor, team = scientist()
    launch = launched(actor, team, wheel_make(wheels))

    job_services.job_cancel(actor=actor, job_id=launch.job_id)

    assert state(launch.job_id) == "CANCELLED"
    launch.run.refresh_from_db()
    assert launch.run.status == "KILLED"
