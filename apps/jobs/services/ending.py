"""How an attempt ends, and with it the job: exactly one final state, told once to everybody who asked."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.services import run_tokens_revoke
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import FairwayError
from apps.jobs.contracts import Claim, job_kind_find
from apps.jobs.models import Job, JobAttempt, JobEvent, LogChunk
from apps.jobs.services.attempts import attempt_lock
from apps.jobs.services.queueing import RUN_TASK, limits_of, waiting_release
from apps.jobs.services.queues import use_charge
from apps.jobs.services.quotas import use_note
from apps.jobs.services.transitions import cancel_cause, event_append, job_transition
from apps.notices.services import notice_send
from workers.contracts.jobspec import JobState, JobStatus

logger = logging.getLogger(__name__)
State = Job.State

# Signals that a process brings upon itself; all others come from outside and say nothing about the job's code.
_OWN_SIGNALS = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP})
_LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an executor's last word means. `again`: the attempt was lost through no fault of the job's."""

    to: str
    cause: str = ""
    again: bool = False


def outcome_of(status: JobStatus, *, cancelled: bool) -> Outcome:
    """Judge an end: a cancel wins, limits and own failures are final, what came from outside is tried again."""
    if cancelled:
        return Outcome(State.CANCELLED)
    if status.state is JobState.LOST:
        return Outcome(State.FAILED, status.cause or "Nobody knows how the attempt ended.", again=True)
    if status.succeeded:
        return Outcome(State.SUCCEEDED)
    if status.cause.startswith(("Time:", "Processor time:")):
        return Outcome(State.TIMED_OUT, status.cause)
    if status.cause.startswith(("Memory:", "Disk:")):
        return Outcome(State.FAILED, status.cause)
    if status.signal is not None and status.signal not in _OWN_SIGNALS:
        return Outcome(State.FAILED, status.cause or f"The process was ended by signal {status.signal}.", again=True)
    if status.exit_code is None and status.signal is None:
        return Outcome(State.FAILED, status.cause or "The attempt ended without a result.", again=True)
    return Outcome(State.FAILED, status.cause or f"The job's program ended with exit code {status.exit_code}.")


def job_finish(*, claim: Claim, status: JobStatus) -> Job:
    """End the attempt and, unless it was lost and may be repeated, the job. Raises LeaseLost.

    An attempt that gave up its place puts the job back as old as it was, and does not count.
    Success calls the kind's `on_finish` in a savepoint: when it refuses, the job ends FAILED with that cause. An
    attempt that was lost puts the job back into the queue with the reason, up to `max_attempts`.
    """
    actor = Actor.system("the worker")
    with transaction.atomic():
        job, attempt = attempt_lock(claim)
        outcome = outcome_of(status, cancelled=job.cancel_requested_at is not None)
        if attempt.preempt_at is not None and outcome.to not in (State.SUCCEEDED, State.CANCELLED):
            _attempt_close(attempt, status, lost=False, cause=attempt.preempt_text)
            _give_way(job, attempt)
            _charge(job, attempt)
            return job
        _attempt_close(attempt, status, lost=outcome.again, cause=outcome.cause)
        if outcome.again and job.attempt_number < job.attempts_most:
            reason = f"Attempt {attempt.number} was lost: {outcome.cause}"
            _call(job, "on_restart", reason)
            job.progress_forget()
            job_transition(actor=actor, job=job, to=State.QUEUED, reason=reason)
            task_send(RUN_TASK, job.pk)
            _charge(job, attempt)
            return job
        if outcome.to == State.SUCCEEDED:
            outcome = _succeed(job, attempt)
        cause = outcome.cause
        if outcome.again:
            cause = f"{cause} That was attempt {attempt.number} of {job.attempts_most}, the last."
        elif outcome.to == State.FAILED and attempt.result and "error" in attempt.result:
            cause = _error_told(attempt.result) or cause
        elif outcome.to == State.CANCELLED:
            asked = JobEvent.objects.filter(job=job, kind="cancel").order_by("-seq").first()
            cause = cancel_cause(job, asked.data["by"] if asked else "")
        job_end(actor=actor, job=job, to=outcome.to, cause=cause)
        _charge(job, attempt)
        return job


def _give_way(job: Job, attempt: JobAttempt) -> None:
    """Back into the queue, as old as it was, for a job that took its place."""
    reason = f"Attempt {attempt.number}: {attempt.preempt_text}"
    _call(job, "on_restart", reason)
    job.progress_forget()
    job.preemptions += 1
    since = job.queued_at
    job_transition(actor=Actor.system("the worker"), job=job, to=State.QUEUED, reason=reason)
    job.queued_at = since
    job.save(update_fields=["queued_at"])
    task_send(RUN_TASK, job.pk)


def _charge(job: Job, attempt: JobAttempt) -> None:
    """Note what the attempt used, last of all: other jobs of the team that end now wait for these rows."""
    use_charge(job, attempt)
    use_note(job, attempt, limits_of(job))


def job_end(*, actor: Actor, job: Job, to: str, cause: str) -> Job:
    """Bring a locked job to its final state: the kind is told, the launcher gets a notice, the next job may start."""
    job.cause = cause
    if to == State.SUCCEEDED:
        job.progress = 1.0
    job_transition(actor=actor, job=job, to=to, reason=cause)
    if to != State.SUCCEEDED:
        _call(job, "on_fail", cause)
    _tell(job)
    waiting_release(job)
    # Any of them: the message means the queue, and whoever hears it takes what is next.
    same = Job.objects.filter(state=State.QUEUED, target_id=job.target_id)
    for waiting in same.values_list("pk", flat=True)[:2]:
        task_send(RUN_TASK, waiting)
    return job


def _attempt_close(attempt: JobAttempt, status: JobStatus, *, lost: bool, cause: str) -> None:
    attempt.state = JobAttempt.State.LOST if lost else JobAttempt.State.ENDED
    attempt.ended_at = timezone.now()
    attempt.exit_code, attempt.signal = status.exit_code, status.signal
    attempt.cause = cause
    attempt.cpu_seconds = max(status.cpu_seconds, attempt.cpu_seconds or 0.0)
    attempt.rss_peak_bytes = max(status.peak_rss_bytes, attempt.rss_peak_bytes or 0)
    attempt.save()
    run_tokens_revoke(attempt_id=attempt.pk)


def _succeed(job: Job, attempt: JobAttempt) -> Outcome:
    """Let the room above take the result; its refusal, or a fault in it, fails the job and undoes only its own rows."""
    kind = job_kind_find(job.kind)
    if kind is None or kind.on_finish is None:
        return Outcome(State.SUCCEEDED)
    try:
        with transaction.atomic():
            made: dict[str, Any] | None = kind.on_finish(job, attempt.result or {}, attempt.outputs)
    except FairwayError as error:
        return Outcome(State.FAILED, f"The result was not accepted: {error.detail}")
    except (OperationalError, InterfaceError):
        raise  # the database is away: the watcher tries the whole ending again
    except Exception as error:
        # A fault in a room above ends this job, never the watcher.
        logger.exception("on_finish of job %s failed", job.pk)
        return Outcome(State.FAILED, f"The result could not be taken in: {type(error).__name__}: {error}"[:2000])
    job.result = made
    return Outcome(State.SUCCEEDED)


def _call(job: Job, name: str, *args: Any) -> None:
    """Run a callback of the kind in a savepoint; a refusal is noted as an event and stops nothing."""
    kind = job_kind_find(job.kind)
    function = getattr(kind, name) if kind is not None else None
    if function is None:
        return
    try:
        with transaction.atomic():
            function(job, *args)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # A fault in a room above must not keep the job from ending.
        logger.exception("%s of job %s failed", name, job.pk)
        event_append(job, "fault", {"callback": name, "error": f"{type(error).__name__}: {error}"[:500]})
        job.save(update_fields=["seq"])


def _error_told(result: dict[str, Any]) -> str:
    """The sentence that the child left about an input it could not use, with the place."""
    error = result.get("error")
    if not isinstance(error, dict) or not error.get("message"):
        return ""
    place = ", ".join(f"{name} {error[name]}" for name in ("line", "column") if error.get(name) is not None)
    return f"{error['message']} ({place})" if place else str(error["message"])


def last_lines(job: Job, count: int = _LAST_LINES) -> list[str]:
    """The last lines that the job's newest attempt printed."""
    lines: list[str] = []
    for chunk in LogChunk.objects.filter(job=job, attempt=job.attempt_number).order_by("-seq")[:count]:
        lines = [str(text) for _, text in chunk.lines] + lines
        if len(lines) >= count:
            break
    return lines[-count:]


_WORDS = {
    State.SUCCEEDED: "has succeeded",
    State.FAILED: "has failed",
    State.CANCELLED: "was cancelled",
    State.TIMED_OUT: "was stopped at its time limit",
}


def _tell(job: Job) -> None:
    """Tell who launched the job that it has ended."""
    if job.created_by is None:
        return
    notice_send(
        users=[job.created_by],
        team_id=job.team_id,
        kind="job.ended",
        title=f"Job {job.number}, {job.title}, {_WORDS[State(job.state)]}",
        text=job.cause,
        url=reverse("job-detail", args=[job.pk]),
        dedupe=f"job:{job.pk}:ended",
    )
