"""Asking for the end of one job or of several."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.policies import require, who_can
from apps.jobs.contracts import FINAL_STATES
from apps.jobs.models import Job
from apps.jobs.policies import can_run, verbs_of
from apps.jobs.services.ending import job_end
from apps.jobs.services.queueing import visible
from apps.jobs.services.transitions import cancel_cause, event_append, job_lock

CANCEL_MOST = 200
"""Jobs that are cancelled by one act."""


@dataclass(frozen=True, slots=True)
class CancelFate:
    """What a cancel of several does to one job: what happens, or why it is refused."""

    job: Job
    happens: str
    refused: str


def job_cancel(*, actor: Actor, job_id: uuid.UUID, reason: str = "") -> Job:
    """Ask for the end of a job: at once when no worker has it, else its watcher ends the whole process tree.

    Asking again changes nothing. Raises NotFound, Forbidden, and Conflict when the job has ended.
    """
    with transaction.atomic():
        visible(actor, job_id)
        job = job_lock(job_id)
        require(
            can_run(actor, job.team_id, job.kind),
            f"Cancelling takes the right to run jobs in the team: {who_can(*verbs_of(job.kind))} has it.",
        )
        if job.state in FINAL_STATES:
            raise Conflict(f"Job {job.number} has ended: it is {job.get_state_display()}.", code="job_ended")
        if job.cancel_requested_at is not None:
            return job
        job.cancel_requested_at = timezone.now()
        job.cancel_reason = reason.strip()[:300]
        if job.state in (Job.State.QUEUED, Job.State.PENDING):
            job_end(actor=actor, job=job, to=Job.State.CANCELLED, cause=cancel_cause(job, actor.label))
            return job
        event_append(job, "cancel", {"by": actor.label, "reason": job.cancel_reason})
        job.row_version += 1
        job.save()
        audit_record(actor=actor, action="job.cancel", thing=job, problem_id=job.problem_id, reason=job.cancel_reason)
        return job


def cancel_preview(*, actor: Actor, job_ids: Sequence[uuid.UUID]) -> list[CancelFate]:
    """What `jobs_cancel` would do to each of these jobs, in the order of their numbers; unknown ones are left out."""
    rows = Job.objects.visible_to(actor).filter(pk__in=job_ids[:CANCEL_MOST]).defer("spec", "files", "result")
    return [_fate(actor, job) for job in rows.order_by("number", "id")]


def _fate(actor: Actor, job: Job) -> CancelFate:
    if job.state in FINAL_STATES:
        return CancelFate(job, "", f"It has ended: it is {job.get_state_display()}.")
    if not can_run(actor, job.team_id, job.kind):
        return CancelFate(
            job, "", f"It takes the right to run jobs in its team: {who_can(*verbs_of(job.kind))} has it."
        )
    if job.cancel_requested_at is not None:
        return CancelFate(job, "", "It is being stopped already.")
    waits = job.state in (Job.State.QUEUED, Job.State.PENDING)
    return CancelFate(job, "It is cancelled at once." if waits else "Its processes are ended within seconds.", "")


def jobs_cancel(*, actor: Actor, job_ids: Sequence[uuid.UUID], reason: str = "") -> list[CancelFate]:
    """Ask for the end of several jobs, each as `job_cancel` does and audited by itself; says what became of each.

    One that has ended meanwhile or that the actor may not cancel stops none of the others. Raises Invalid for none, for
    too many, and for a job that the actor does not see: then nothing is cancelled.
    """
    wanted = list(dict.fromkeys(job_ids))
    if not 1 <= len(wanted) <= CANCEL_MOST:
        raise Invalid.field("ids", f"Choose 1 to {CANCEL_MOST} jobs.")
    fates = cancel_preview(actor=actor, job_ids=wanted)
    if len(fates) != len(wanted):
        raise Invalid.field("ids", "One of these jobs does not exist, or you may not see it.")
    done = []
    for fate in fates:
        if fate.refused:
            done.append(fate)
            continue
        try:
            job = job_cancel(actor=actor, job_id=fate.job.pk, reason=reason)
        except (Conflict, Forbidden) as refusal:
            done.append(CancelFate(fate.job, "", refusal.detail))
        else:
            done.append(CancelFate(job, fate.happens, ""))
    return done
