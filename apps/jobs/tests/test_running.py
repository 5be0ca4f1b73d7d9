"""The whole way of an attempt with the real local executor and tiny programs."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest
from django.db import connections

from apps.compute.models import ComputeTarget
from apps.compute.selectors import target_local
from apps.compute.services import executor_of
from apps.core.actors import Actor
from apps.jobs import selectors, services, tasks
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, job_make, probe_kind, shell_argv
from apps.jobs.watching import Watch
from workers.contracts.jobspec import JobSpec

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(settings, tmp_path):
    settings.FAIRWAY_HOME = tmp_path
    settings.JOB_SLOTS = 50
    probe_kind()


def texts(job: Job) -> list[str]:
    return [line.text for line in selectors.log_lines(job)]


def test_a_program_runs_to_its_end_and_every_line_is_stored_once():
    job = job_make(program="for i in range(5000): print('line', i)")

    tasks.job_run(str(job.pk))
    tasks.job_run(str(job.pk))

    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.cause
    assert texts(job) == [f"line {i}" for i in range(5000)]
    assert job.attempts.get().exit_code == 0
    assert not Path(services.directory_of(job.pk, 1)).exists()


def test_a_failing_program_ends_failed_with_its_last_lines():
    job = job_make(program="print('before'); raise SystemExit(3)")

    tasks.job_run(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (Job.State.FAILED, 1)
    assert "exit code 3" in job.cause
    assert services.last_lines(job) == ["before"]


def test_the_child_gets_its_token_and_addresses_and_nothing_of_ours(settings):
    settings.INTERNAL_URL = "http://127.0.0.1:8000"
    program = "import os; print(sorted(os.environ))"
    job = job_make(program=program)

    tasks.job_run(str(job.pk))

    (line,) = texts(job)
    assert "FAIRWAY_TOKEN" in line
    assert "MLFLOW_TRACKING_TOKEN" in line
    assert "DATABASE" not in line
    assert "REDIS" not in line


def test_a_program_over_its_time_is_timed_out():
    job = job_make(program="import time\nwhile True: time.sleep(0.1)", limits={"wall_seconds": 1})

    tasks.job_run(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (Job.State.TIMED_OUT, 1)
    assert job.cause.startswith("Time:")


@pytest.mark.django_db(transaction=True)
def test_cancel_ends_the_process_tree():
    program = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    job = job_make(program=program)
    seen: list[int] = []

    def cancel_at_the_first_line() -> None:
        try:
            pause = threading.Event()
            while not seen:
                seen.extend(int(text) for text in texts(job))
                pause.wait(0.05)
            services.job_cancel(actor=Actor.system("test"), job_id=job.pk, reason="enough")
        finally:
            connections.close_all()

    thread = threading.Thread(target=cancel_at_the_first_line)
    thread.start()
    tasks.job_run(str(job.pk))
    thread.join()

    job.refresh_from_db()
    assert (job.state, job.cause) == (Job.State.CANCELLED, "Cancelled by test: enough")
    assert not any(psutil.pid_exists(pid) for pid in seen)


def test_another_worker_goes_on_where_the_first_one_stopped():
    job = job_make(program="for i in range(300): print('line', i)")
    claim, secret = claim_make(job)
    executor = executor_of(target_local())
    spec = JobSpec(
        job_id=str(job.pk),
        attempt=1,
        kind="probe",
        argv=shell_argv(job),
        directory=str(services.directory_of(job.pk, 1)),
        token=secret,
    )
    services.attempt_started(claim=claim, handle=executor.submit(spec))
    first = Watch(claim, executor, spec.directory, 0)
    pause = threading.Event()
    while len(first.executor.lines(spec.directory, 0)) < 300:
        pause.wait(0.02)
    lines = executor.lines(spec.directory, 0)
    services.job_log_append(claim=claim, lines=lines[:100])

    tasks.job_watch(str(claim.attempt_id), str(claim.lease))

    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED
    assert texts(job) == [f"line {i}" for i in range(300)]
    assert JobAttempt.objects.filter(job=job).count() == 1


def test_an_attempt_whose_worker_died_before_the_start_is_repeated():
    job = job_make(program="print('second try')")
    claim, _ = claim_make(job)

    tasks.job_watch(str(claim.attempt_id), str(claim.lease))

    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (Job.State.QUEUED, 1)
    tasks.job_run(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (Job.State.SUCCEEDED, 2)
    assert "before it could start" in job.attempts.get(number=1).cause


def test_a_program_that_cannot_be_started_is_said_so():
    job = job_make(program="print(1)", max_attempts=1)
    ComputeTarget.objects.update(kind="no-such")

    tasks.job_run(str(job.pk))

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "no-such" in job.cause


def test_left_over_directories_are_swept_once_they_are_old(settings):
    import os

    root = Path(settings.FAIRWAY_HOME) / "jobs"
    old, new = root / "a" / "1", root / "b" / "1"
    for directory in (old, new):
        directory.mkdir(parents=True)
    os.utime(old, (1, 1))

    assert services.directories_sweep() == 1

    assert not old.exists()
    assert new.exists()
    services.directory_remove("/tmp")
    assert Path("/tmp").exists()
