"""The one place where a job changes its state, and the sequence that its events and log lines share."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.core.topics import nudge
from apps.jobs.models import Job, JobEvent

State = Job.State

MOVES: dict[str, frozenset[str]] = {
    State.PENDING: frozenset({State.QUEUED, State.CANCELLED, State.FAILED}),
    State.QUEUED: frozenset({State.STARTING, State.CANCELLED, State.FAILED}),
    State.STARTING: frozenset(
        {State.RUNNING, State.QUEUED, State.SUCCEEDED, State.FAILED, State.CANCELLED, State.TIMED_OUT}
    ),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.TIMED_OUT, State.QUEUED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.TIMED_OUT: frozenset(),
}


def job_lock(job_id: uuid.UUID) -> Job:
    """The job's row, locked until the transaction ends. Raises NotFound.

    The lock leaves foreign keys to the row alone, so that events of other transactions do not wait for it twice.
    """
    job: Job | None = Job.objects.select_for_update(of=("self",), no_key=True).filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job.")
    return job


def seq_next(job: Job) -> int:
    """The next number of the locked job's sequence; the caller saves the field `seq`."""
    job.seq += 1
    return job.seq


def event_append(job: Job, kind: str, data: dict[str, Any], *, attempt: int | None = None) -> JobEvent:
    """Add an event to the locked job's sequence and tell the listeners after commit. The caller saves `seq`."""
    event = JobEvent.objects.create(
        job_id=job.pk,
        seq=seq_next(job),
        attempt=job.attempt_number if attempt is None else attempt,
        kind=kind,
        data=data,
    )
    nudge(f"job.{job.pk}", event.seq)
    return event


def job_transition(*, actor: Actor, job: Job, to: str, reason: str = "") -> Job:
    """Move a job that the caller has locked (see `job_lock`), with audit entry, event and nudge.

    Saves the whole row, so other fields that the caller changed go with it. Raises Conflict when the table of moves
    does not have this one.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A job moves only inside the transaction that holds its lock.")
    if to not in MOVES[job.state]:
        raise Conflict(f"A job that is {job.get_state_display()} cannot become {State(to).label}.", code="job_state")
    before = job.state
    now = timezone.now()
    job.state = to
    if to == State.QUEUED:
        job.queued_at = now
    elif to == State.RUNNING and job.started_at is None:
        job.started_at = now
    elif not MOVES[to]:
        job.ended_at = now
    event_append(job, "state", {"state": to, "attempt": job.attempt_number, "text": reason})
    job.row_version += 1
    job.save()
    audit_record(
        actor=actor,
        action=f"job.{to.lower()}",
        thing=job,
        problem_id=job.problem_id,
        before={"state": before},
        after={"state": to, "attempt": job.attempt_number},
        reason=reason,
    )
    nudge(f"team.{job.team_id}")
    return job


def after_commit(function: Any, *args: Any) -> None:
    """Run once the transaction has committed; a failure there is logged and stops nothing."""
    transaction.on_commit(partial(function, *args), robust=True)


def cancel_cause(job: Job, by: str = "") -> str:
    """Why a cancelled job ended, as a sentence."""
    who = f"Cancelled by {by}" if by else "Cancelled"
    return f"{who}: {job.cancel_reason}" if job.cancel_reason else f"{who}."
