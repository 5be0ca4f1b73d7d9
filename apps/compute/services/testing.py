"""Testing a target: a real tiny job through the executor that jobs use, step by step, written down as it goes."""

from __future__ import annotations

import shutil
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.compute.contracts import STEPS
from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.policies import require_targets_manage
from apps.compute.selectors import target_get
from apps.compute.services.executors import executor_of, reach_of
from apps.compute.services.states import State, target_lock, target_transition
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import Conflict
from workers.contracts.jobspec import CHILD_PACKAGES, JobLimits, JobSpec, JobState, JobStatus, Line
from workers.executors.base import AUTHENTICATE, Executor, ExecutorError

TASK = "apps.compute.tasks.target_test_run"
LINES = 50
PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.1
_LIMITS = JobLimits(wall_seconds=60, cpu_seconds=60, memory_bytes=1024**3, output_bytes=1024**2)
_PROGRAM = """
import importlib.metadata, os, platform, sys, urllib.request
print("hello from", platform.node(), "python", platform.python_version(), flush=True)
try:
    with urllib.request.urlopen(os.environ["FAIRWAY_URL"] + "/health/live", timeout=10) as answer:
        print("callback", answer.status, flush=True)
except Exception as error:
    print("callback failed:", error, flush=True)
for name in {packages!r}:
    try:
        print("package", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print("package", name, "missing")
for number in range(1, {lines} + 1):
    print("line", number, flush=True)
"""


def target_test(*, actor: Actor, target_id: uuid.UUID) -> TargetTest:
    """Begin a test; a worker takes its steps. The one that runs already is answered again.

    Raises NotFound, Forbidden, Conflict (removed).
    """
    target_get(actor, target_id)
    require_targets_manage(actor)
    with transaction.atomic():
        target = target_lock(target_id)
        if target.state == State.REMOVED:
            raise Conflict(f"Target {target.name} was removed.", code="target_state")
        running: TargetTest | None = target.tests.filter(state=TargetTest.State.RUNNING).first()
        if running is not None:
            return running
        steps = [{"key": key, "state": "WAITING", "seconds": None, "text": ""} for key, _ in STEPS]
        test: TargetTest = TargetTest.objects.create(target=target, steps=steps, created_by_label=actor.label[:200])
        audit_record(actor=actor, action="target.test", thing=target)
        task_send(TASK, test.pk)
    return test


class _Failed(Exception):
    """A step that failed: what happened, and what to do."""

    def __init__(self, key: str, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.key, self.text, self.advice = key, text, advice


@dataclass
class _Course:
    """The steps of one test; each change is saved and told at once."""

    test: TargetTest
    began: float = field(default_factory=time.monotonic)

    def step(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.test.steps if one["key"] == key)
        return found

    def start(self, key: str) -> None:
        self.began = time.monotonic()
        self._set(key, "RUNNING", None, "")

    def passed(self, key: str, text: str = "", seconds: float | None = None) -> None:
        self._set(key, "PASSED", time.monotonic() - self.began if seconds is None else seconds, text)
        self.began = time.monotonic()

    def skipped(self, key: str, text: str) -> None:
        self._set(key, "SKIPPED", None, text)

    def failed(self, key: str, text: str) -> None:
        self._set(key, "FAILED", time.monotonic() - self.began, text)

    def _set(self, key: str, state: str, seconds: float | None, text: str) -> None:
        step = self.step(key)
        step.update(state=state, seconds=None if seconds is None else round(seconds, 3), text=text[:1000])
        self.save()

    def save(self) -> None:
        self.test.save(update_fields=["steps", "output", "updated_at"])


def test_run(*, test_id: uuid.UUID) -> TargetTest:
    """Take the steps of a test and judge the target by them; a test that was ended meanwhile is left as it is."""
    test = TargetTest.objects.select_related("target").get(pk=test_id)
    if test.state != TargetTest.State.RUNNING:
        return test
    course = _Course(test)
    directory = Path(settings.FAIRWAY_HOME) / "jobs" / f"target-test-{test.pk}" / "1"
    failure: _Failed | None = None
    try:
        _steps(course, test.target, directory)
    except _Failed as failed:
        failure = failed
        course.failed(failed.key, failed.text)
    finally:
        shutil.rmtree(directory.parent, ignore_errors=True)
    return _judge(test, failure)


def _steps(course: _Course, target: ComputeTarget, directory: Path) -> None:
    course.start("reach")
    try:
        executor = executor_of(target)
        health = executor.health()
    except ExecutorError as error:
        key = "authenticate" if error.step == AUTHENTICATE else "reach"
        if key == "authenticate":
            course.passed("reach")
        raise _Failed(key, str(error), "Check the address and the secret, then test again.") from error
    course.passed("reach", ", ".join(f"{name} {value}" for name, value in health.facts.items()), health.reach_seconds)
    if health.authenticate_seconds is None:
        course.skipped("authenticate", " ".join(health.warnings) or "It asks for no secret.")
    else:
        course.passed("authenticate", seconds=health.authenticate_seconds)
    course.start("submit")
    try:
        handle = executor.submit(_spec(course.test, target, directory))
    except ExecutorError as error:
        raise _Failed("submit", str(error), "The target answers but takes no job.") from error
    course.passed("submit", handle if not executor.about.handle_is_directory else "")
    try:
        _watch(course, executor, handle)
    except _Failed:
        executor.stop(handle, 0.0)
        raise


def _spec(test: TargetTest, target: ComputeTarget, directory: Path) -> JobSpec:
    program = _PROGRAM.format(packages=CHILD_PACKAGES, lines=LINES)
    return JobSpec(
        job_id=f"target-test-{test.pk}",
        attempt=1,
        kind="test",
        argv=(sys.executable, "-P", "-c", program),
        directory=str(directory),
        base_url=reach_of(target),
        limits=_LIMITS,
    )


def _watch(course: _Course, executor: Executor, handle: str) -> None:
    """From the start of the tiny job to its last line."""
    course.start("line")
    lines: list[Line] = []
    wait = threading.Event().wait
    end = time.monotonic() + PATIENCE_SECONDS
    status = JobStatus(JobState.RUNNING)
    while True:
        if status.state is JobState.RUNNING:
            status = executor.status(handle)
        fresh = executor.lines(handle, lines[-1].offset_end if lines else 0)
        if fresh and not lines:
            course.passed("line", fresh[0].text)
            course.start("callback")
        lines += fresh
        if fresh:
            course.test.output = [line.text[:500] for line in lines[-200:]]
            _said(course, [line.text for line in lines])
        if status.state is not JobState.RUNNING and not fresh:
            break
        if time.monotonic() > end:
            raise _Failed(_open(course), f"Nothing more came for {PATIENCE_SECONDS:g} s.", _advice_slow(lines))
        wait(_POLL_SECONDS)
    _ended(course, status, [line.text for line in lines])


def _open(course: _Course) -> str:
    """The first step that has not passed."""
    return str(next((one["key"] for one in course.test.steps if one["state"] in ("RUNNING", "WAITING")), "exit"))


def _advice_slow(lines: list[Line]) -> str:
    if lines:
        return "The job began and did not end in time."
    return "The target took the job and does not start it: are its processors and memory all in use?"


def _said(course: _Course, texts: list[str]) -> None:
    """Steps that the tiny job itself tells of."""
    if course.step("callback")["state"] == "RUNNING":
        told = next((text for text in texts if text.startswith("callback")), "")
        if told == "callback 200":
            course.passed("callback")
            course.start("packages")
        elif told:
            raise _Failed(
                "callback",
                f"A job on the target cannot reach Fairway at {reach_of(course.test.target)}: {told[9:]}.",
                "Enter the address under which the target's machines find Fairway (“Fairway's address from there”).",
            )
    if course.step("packages")["state"] == "RUNNING":
        told_of = [text.split() for text in texts if text.startswith("package ")]
        if len(told_of) == len(CHILD_PACKAGES):
            missing = [words[1] for words in told_of if words[2] == "missing"]
            if missing:
                raise _Failed(
                    "packages",
                    f"The target's Python has no {', '.join(missing)}.",
                    "Install them there, with the versions of requirements/base.txt; jobs of the product need them.",
                )
            course.passed("packages", ", ".join(f"{words[1]} {words[2]}" for words in told_of))
            course.start("exit")


def _ended(course: _Course, status: JobStatus, texts: list[str]) -> None:
    if not texts:
        raise _Failed("line", status.cause or "The job ended without a line.", "The target's own log tells more.")
    if not status.succeeded:
        raise _Failed(_open(course), status.cause or f"It ended with exit code {status.exit_code}.")
    course.passed("exit", "exit code 0")
    numbers = [text for text in texts if text.startswith("line ")]
    if numbers != [f"line {number}" for number in range(1, LINES + 1)]:
        raise _Failed("logs", f"Of {LINES} lines {len(numbers)} came, or not in their order.")
    course.passed("logs", f"{len(texts)} lines, none lost and none twice")


def _judge(test: TargetTest, failure: _Failed | None) -> TargetTest:
    """Close the test and move the target by it."""
    system = Actor.system("compute")
    words = dict(STEPS)
    with transaction.atomic():
        target = target_lock(test.target_id)
        locked = TargetTest.objects.select_for_update(of=("self",)).get(pk=test.pk)
        if locked.state != TargetTest.State.RUNNING:
            return locked
        # What was changed while the test ran was not tested.
        same = (target.address, target.secret) == (test.target.address, test.target.secret)
        test.ended_at = timezone.now()
        if failure is None:
            test.state = TargetTest.State.PASSED
            test.verdict = (
                "A real job ran on it from start to end." if same else "It was changed meanwhile: test again."
            )
            if same:
                target.tested_at = target.checked_at = target.answered_at = timezone.now()
                target.failures = 0
                target.save(update_fields=["tested_at", "checked_at", "answered_at", "failures"])
                if target.state in (State.UNTESTED, State.DEGRADED):
                    target_transition(actor=system, target=target, to=State.HEALTHY, reason="A test passed.")
        else:
            test.state = TargetTest.State.FAILED
            test.verdict = f"{words[failure.key]}: {failure.text} {failure.advice}".strip()[:1000]
            if same and not target.builtin:
                target.tested_at = None
                target.save(update_fields=["tested_at"])
            if same and target.state == State.HEALTHY:
                reason = f"Its test failed at “{words[failure.key]}”: {failure.text}"
                target_transition(actor=system, target=target, to=State.DEGRADED, reason=reason)
        test.save(update_fields=["state", "verdict", "ended_at", "updated_at"])
    return test
