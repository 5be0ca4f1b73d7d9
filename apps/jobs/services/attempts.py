"""Attempts: claiming a job, holding the lease, taking over from a worker that is gone.

Who watches an attempt holds its lease token; every write shows it, and is refused when another worker took over or a
newer attempt exists (invariant I23).
"""

from __future__ import annotations

import platform
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.services import run_token_issue
from apps.compute.selectors import accepts, target_local
from apps.compute.services import kind_about
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.jobs.contracts import LIVE_ATTEMPTS, OPEN_STATES, Claim
from apps.jobs.models import Job, JobAttempt
from apps.jobs.selectors.queues import places_of
from apps.jobs.services.checkpoints import checkpoint_of
from apps.jobs.services.preempting import preempt_ask
from apps.jobs.services.queueing import limits_of
from apps.jobs.services.queues import queue_take
from apps.jobs.services.transitions import event_append, job_lock, job_transition
from apps.jobs.services.workers import worker_is_drained, worker_name
from workers.executors.about import handle_of
from workers.executors.base import ExecutorError

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget

# A run token is revoked when its attempt ends; its own end is for what nobody ended. A clock that is set forward by
# some hours must not take it from a running job.
TOKEN_SPARE_MINUTES = 24 * 60


class LeaseLost(Conflict):
    """Another worker watches this attempt, or it has ended: whoever gets this stops writing, and touches nothing."""

    code = "lease_lost"


def worker_gone(name: str) -> bool:
    """True when `name` was a process of this machine that no longer lives; False when that cannot be known here."""
    host, _, rest = name.rpartition(":")[0].rpartition(":")
    if host != platform.node() or not rest.isdigit():
        return False
    try:
        started = psutil.Process(int(rest)).create_time()
    except psutil.NoSuchProcess:
        return True
    return f"{started:.2f}" != name.rpartition(":")[2]


def directory_of(job_id: uuid.UUID, number: int) -> Path:
    """The private directory of an attempt on the machine that runs it."""
    return Path(settings.FAIRWAY_HOME) / "jobs" / str(job_id) / str(number)


def target_of(job: Job) -> ComputeTarget:
    """Where a job runs: jobs from before there were targets run on this machine."""
    return job.target or target_local()


def slots_free(target: ComputeTarget | None = None) -> int:
    """How many more jobs a target may run now, as far as this machine can start or watch them.

    Without a target: this machine itself. Elsewhere the target's own number holds, over all machines that watch.
    """
    live = JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS)
    mine = live.filter(worker__startswith=f"{platform.node()}:")
    if target is None or target.builtin:
        most = target.slots if target is not None and target.slots else settings.JOB_SLOTS
        here = mine.filter(Q(job__target__isnull=True) | Q(job__target__builtin=True))
        return max(0, min(most - here.count(), settings.JOB_WATCHES - mine.count()))
    most = places_of(target)
    there = live.filter(job__target_id=target.pk)
    return max(0, min(most - there.count(), settings.JOB_WATCHES - mine.count()))


def target_gaps(job: Job) -> list[str]:
    """What the job's target does not keep of its limits, in sentences."""
    try:
        return kind_about(job.executor).keeps.gaps()
    except ExecutorError:
        return []


def handle_expected(job: Job, number: int) -> str:
    """The handle that an attempt will have; empty for a kind of target that is not installed."""
    try:
        about = kind_about(job.executor)
    except ExecutorError:
        return ""
    return handle_of(about, str(job.pk), number, str(directory_of(job.pk, number)))


def attempt_claim(*, job_id: uuid.UUID) -> tuple[Claim, str] | None:
    """Take the next job of the queue that this job is or was in: a new attempt, its lease, its run token's secret.

    A message names a job, and means its target's queue: which of the waiting jobs starts is for the order of work
    (`apps.jobs.order`), whichever message comes first or twice. None when there is nothing to take: no job waits there
    that may start, or the target takes none now or has no free slot, in which case jobs are offered again.
    """
    actor = Actor.system("the worker")
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One claim at a time per machine, so that the number of slots holds.
            lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"
            cursor.execute(lock, [f"jobs:{platform.node()}"])
        named = Job.objects.select_related("target").only("target").filter(pk=job_id).first()
        if named is None or worker_is_drained():
            return None
        target = target_of(named)
        if not target.builtin:
            with connection.cursor() as cursor:
                # Other machines start jobs on it too.
                cursor.execute(lock, [f"target:{target.pk}"])
        if not accepts(target):
            return None
        if slots_free(target) == 0:
            preempt_ask(target)
            return None
        job = queue_take(target)
        if job is None:
            return None
        now = timezone.now()
        job.attempt_number += 1
        limits = limits_of(job)
        attempt = JobAttempt.objects.create(
            job=job,
            number=job.attempt_number,
            worker=worker_name(),
            # Known before the start, so that whoever takes over can look for a child that was started but not noted.
            handle=handle_expected(job, job.attempt_number),
            lease_token=uuid.uuid4(),
            lease_until=now + timedelta(seconds=settings.JOB_LEASE_SECONDS),
            heartbeat_at=now,
            resumed_from=checkpoint_of(job),
        )
        job_transition(actor=actor, job=job, to=Job.State.STARTING, reason=f"Attempt {attempt.number}.")
        secret = run_token_issue(
            team_id=job.team_id,
            job_id=job.pk,
            attempt_id=attempt.pk,
            run_id=job.run_id,
            label=f"job {job.number}, attempt {attempt.number}",
            minutes=int(limits.wall_seconds // 60) + TOKEN_SPARE_MINUTES,
        )
        return Claim(job.pk, attempt.pk, attempt.number, attempt.lease_token or uuid.uuid4()), secret


def attempt_lock(claim: Claim) -> tuple[Job, JobAttempt]:
    """Job and attempt, locked, for who holds the lease. Raises LeaseLost."""
    job = job_lock(claim.job_id)
    attempt = JobAttempt.objects.select_for_update(of=("self",), no_key=True).get(pk=claim.attempt_id)
    if attempt.state not in LIVE_ATTEMPTS or attempt.lease_token != claim.lease or job.attempt_number != attempt.number:
        raise LeaseLost("Another worker has taken over this attempt, or it has ended.")
    return job, attempt


def attempt_started(*, claim: Claim, handle: str) -> None:
    """The executor took the attempt: note its handle and say that the job runs. Raises LeaseLost."""
    with transaction.atomic():
        job, attempt = attempt_lock(claim)
        attempt.handle = handle
        attempt.state = JobAttempt.State.RUNNING
        attempt.started_at = timezone.now()
        attempt.save(update_fields=["handle", "state", "started_at"])
        job_transition(actor=Actor.system("the worker"), job=job, to=Job.State.RUNNING)


def attempt_heartbeat(*, claim: Claim) -> bool:
    """Say that the watcher lives; True when it is to be ended (see `cancel_wanted`). Raises LeaseLost.

    One statement without a lock on the job, so that a beat never waits for a long write.
    """
    now = timezone.now()
    held = JobAttempt.objects.filter(pk=claim.attempt_id, lease_token=claim.lease, state__in=LIVE_ATTEMPTS).update(
        heartbeat_at=now, lease_until=now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    )
    if not held:
        raise LeaseLost("Another worker has taken over this attempt, or it has ended.")
    return cancel_wanted(claim=claim)


def cancel_wanted(*, claim: Claim) -> bool:
    """Did a person ask to cancel, or is its place taken? Raises LeaseLost when this watcher no longer holds it."""
    row = (
        JobAttempt.objects.filter(pk=claim.attempt_id, lease_token=claim.lease, state__in=LIVE_ATTEMPTS)
        .values_list("job__cancel_requested_at", "job__attempt_number", "number", "preempt_at")
        .first()
    )
    if row is None or row[1] != row[2]:
        raise LeaseLost("Another worker has taken over this attempt, or it has ended.")
    return row[0] is not None or row[3] is not None


def attempt_adopt(*, attempt_id: uuid.UUID, lease: uuid.UUID | None) -> Claim | None:
    """Take over an attempt whose watcher is gone, by compare-and-set on its lease; None when somebody was faster."""
    mine = uuid.uuid4()
    now = timezone.now()
    with transaction.atomic():
        found = JobAttempt.objects.filter(pk=attempt_id, lease_token=lease, state__in=LIVE_ATTEMPTS).first()
        if found is None:
            return None
        job = job_lock(found.job_id)
        taken = JobAttempt.objects.filter(
            pk=attempt_id, lease_token=lease, state__in=LIVE_ATTEMPTS, number=job.attempt_number
        ).update(
            lease_token=mine,
            worker=worker_name(),
            heartbeat_at=now,
            lease_until=now + timedelta(seconds=settings.JOB_LEASE_SECONDS),
        )
        if not taken or job.state not in OPEN_STATES:
            return None
        event_append(job, "adopted", {"worker": worker_name()}, attempt=found.number)
        job.save(update_fields=["seq"])
        return Claim(job.pk, attempt_id, found.number, mine)
