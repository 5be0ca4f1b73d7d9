"""Pre-emption: a job of the highest priority takes the place of one of the lowest that was declared restartable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import Job, JobAttempt
from apps.jobs.services.queues import queue_next
from apps.jobs.services.transitions import event_append, job_lock

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

PREEMPT_MOST = 3
"""So often a job gives up its place; then it runs to its end, so that it is not begun for ever."""


def preempt_ask(target: ComputeTarget) -> Job | None:
    """On a full target: ask the watcher of one attempt to end it, when the next job is of the highest priority.

    Of running jobs of the lowest priority that were declared restartable, the one that began last, for it loses least.
    No more are asked than jobs of the highest priority wait. The caller holds the claims of the target; None when
    nothing is asked.
    """
    next_id = queue_next(target.pk)
    first = Job.objects.filter(pk=next_id, priority=Job.Priority.HIGH).first() if next_id is not None else None
    if first is None:
        return None
    live = JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS, job__target_id=target.pk)
    asked = live.filter(preempt_at__isnull=False).count()
    waiting = Job.objects.filter(state=Job.State.QUEUED, target=target, priority=Job.Priority.HIGH)
    if waiting[: asked + 1].count() <= asked:
        return None
    fit = live.filter(
        state=JobAttempt.State.RUNNING,
        preempt_at__isnull=True,
        job__priority=Job.Priority.LOW,
        job__restartable=True,
        job__preemptions__lt=PREEMPT_MOST,
        job__cancel_requested_at__isnull=True,
    )
    found = fit.order_by("-started_at", "-id").values_list("pk", "job_id").first()
    if found is None:
        return None
    job = job_lock(found[1])
    attempt = fit.select_for_update(of=("self",), no_key=True).filter(pk=found[0]).first()
    if attempt is None:
        return None  # it ended meanwhile, and its place is free
    # Jobs of other teams are not named: the cause is read by those of this one.
    same = f"job {first.number}" if first.team_id == job.team_id else "a job"
    attempt.preempt_at = timezone.now()
    attempt.preempt_text = f"Ended for {same} of the highest priority, and begun again once there is a place."
    attempt.save(update_fields=["preempt_at", "preempt_text"])
    event_append(job, "preempt", {"text": attempt.preempt_text})
    job.save(update_fields=["seq"])
    audit_record(
        actor=Actor.system("the order of work"),
        action="job.preempt",
        thing=job,
        problem_id=job.problem_id,
        after={"attempt": attempt.number, "for": str(first.pk)},
        reason=attempt.preempt_text,
    )
    return job
