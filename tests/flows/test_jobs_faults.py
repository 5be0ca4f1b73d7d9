"""Jobs on bad days: whatever dies, each job ends in exactly one final state, and no line is lost or doubled."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

import tests.flows.kinds  # noqa: F401 - registers the kind in this process too
from apps.core.broker import task_send_now
from apps.jobs import selectors, services
from apps.jobs.contracts import FINAL_STATES
from apps.jobs.models import Job, JobEvent
from tests.flows.processes import Processes, wait_for

# Processes are killed in the middle of a job.
pytestmark = [pytest.mark.slow, pytest.mark.chaos]

COUNTING = """
import time

for number in range({count}):
    print("line", number, flush=True)
    time.sleep({pause})
"""


def launch(person: Any, program: str, **fields: Any) -> Job:
    actor, team = person
    return services.job_queue(
        actor=actor,
        team_id=team.pk,
        kind="flow.program",
        title="flow",
        spec={"program": program},
        files=[],
        **fields,
    )


def lines_of(job: Job, attempt: int | None = None) -> list[str]:
    job.refresh_from_db()
    return [line.text for line in selectors.log_lines(job) if attempt in (None, line.attempt)]


def ended(job: Job, seconds: float = 40.0) -> Job:
    def look() -> bool:
        job.refresh_from_db()
        return job.state in FINAL_STATES

    wait_for(look, seconds, f"the end of job {job.number}, now {job.state}")
    return job


def check_told_once(job: Job) -> None:
    """One final state, told once; a sequence without gap; line numbers without gap."""
    states = [e.data["state"] for e in JobEvent.objects.filter(job=job, kind="state").order_by("seq")]
    assert [state for state in states if state in FINAL_STATES] == [job.state]
    after, seqs = 0, []
    while rows := selectors.job_replay(job.pk, after)[1]:
        seqs += [row["seq"] for row in rows]
        after = seqs[-1]
    assert seqs == list(range(1, job.seq + 1))
    assert [line.number for line in selectors.log_lines(job)] == list(range(1, job.line_count + 1))


def child_of(processes: Processes, job: Job) -> psutil.Process:
    """The process that runs the job's program."""

    def find() -> psutil.Process | None:
        for process in psutil.process_iter(["environ"]):
            told = process.info["environ"] or {}
            if told.get("FAIRWAY_JOB_ID") == str(job.pk) and "-c" in process.cmdline():
                return process
        return None

    found: psutil.Process = wait_for(find, why="the child")
    return found


def test_a_killed_child_is_lost_and_the_second_attempt_says_why(processes, person):
    processes.worker()
    job = launch(person, COUNTING.format(count=60, pause=0.05))
    wait_for(lambda: len(lines_of(job)) >= 5, why="the first lines")

    child_of(processes, job).send_signal(signal.SIGKILL)

    ended(job)
    assert (job.state, job.attempt_number) == ("SUCCEEDED", 2)
    first, second = selectors.attempt_list(job)
    assert (first.state, first.signal, second.state) == ("LOST", 9, "ENDED")
    assert "signal 9" in first.cause
    early = lines_of(job, 1)
    assert early == [f"line {n}" for n in range(len(early))]
    assert lines_of(job, 2) == [f"line {n}" for n in range(60)]
    check_told_once(job)


def test_a_killed_worker_leaves_its_child_to_the_next_one(processes, person):
    worker = processes.worker()
    job = launch(person, COUNTING.format(count=150, pause=0.05))
    wait_for(lambda: len(lines_of(job)) >= 10, why="the first lines")
    child = child_of(processes, job)

    processes.kill(worker)
    assert child.is_running()
    processes.worker()
    processes.beat()

    ended(job)
    assert (job.state, job.attempt_number) == ("SUCCEEDED", 1), job.cause
    assert lines_of(job) == [f"line {n}" for n in range(150)]
    assert JobEvent.objects.filter(job=job, kind="adopted").count() == 1
    check_told_once(job)


def test_cancel_ends_grandchildren_too(processes, person):
    processes.worker()
    job = launch(
        person,
        "import os, subprocess, sys, time\n"
        "inner = 'import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)'\n"
        "subprocess.Popen([sys.executable, '-c', inner])\n"
        "print(os.getpid(), flush=True)\n"
        "time.sleep(600)\n",
    )
    wait_for(lambda: len(lines_of(job)) == 2, why="both process ids")
    pids = [int(text) for text in lines_of(job)]

    services.job_cancel(actor=person[0], job_id=job.pk, reason="a test")

    ended(job, 20)
    assert (job.state, job.cause) == ("CANCELLED", f"Cancelled by {person[0].label}: a test")
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), 5, "the end of the tree")
    check_told_once(job)


def test_a_message_that_comes_twice_starts_one_attempt(processes, person):
    job = launch(person, COUNTING.format(count=20, pause=0.02))
    for _ in range(5):
        task_send_now("apps.jobs.tasks.job_run", job.pk)

    processes.worker()

    ended(job)
    assert (job.state, job.attempt_number) == ("SUCCEEDED", 1)
    assert lines_of(job) == [f"line {n}" for n in range(20)]
    check_told_once(job)


def test_a_broker_that_forgot_everything_delays_a_job_and_loses_none(processes, person, broker):
    jobs = [launch(person, COUNTING.format(count=3, pause=0.01)) for _ in range(4)]
    broker.delete("jobs", "default")

    processes.worker()
    processes.beat()

    for job in jobs:
        ended(job)
        assert (job.state, job.attempt_number) == ("SUCCEEDED", 1)
        check_told_once(job)


def test_a_stopped_worker_that_wakes_up_late_writes_nothing_more(processes, person, monkeypatch):
    worker = processes.worker()
    job = launch(person, COUNTING.format(count=200, pause=0.05))
    wait_for(lambda: len(lines_of(job)) >= 5, why="the first lines")

    os.kill(worker.pid, signal.SIGSTOP)
    attempt = job.attempts.get()
    second = processes.worker()
    task_send_now("apps.jobs.tasks.job_watch", attempt.pk, attempt.lease_token)
    wait_for(lambda: JobEvent.objects.filter(job=job, kind="adopted").exists(), why="the second worker")
    os.kill(worker.pid, signal.SIGCONT)

    ended(job)
    assert (job.state, job.attempt_number) == ("SUCCEEDED", 1), job.cause
    assert lines_of(job) == [f"line {n}" for n in range(200)]
    assert second.poll() is None
    check_told_once(job)
