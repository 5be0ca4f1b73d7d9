"""From a queued job to a watched child: claim, token, executor."""

from __future__ import annotations

import uuid

from apps.compute import services as compute
from apps.core.errors import FairwayError
from apps.jobs import services
from apps.jobs.contracts import Claim, Surroundings, job_kind_find
from apps.jobs.models import Job, JobAttempt
from apps.jobs.watching import attempt_watch
from workers.contracts.jobspec import JobSpec, JobState, JobStatus, child_argv
from workers.executors.base import Executor, ExecutorError


def executor_for(job: Job) -> Executor:
    """This process's executor of the job's target. Raises ExecutorError when it cannot be spoken with."""
    return compute.executor_of(services.target_of(job))


def job_start(job_id: uuid.UUID) -> None:
    """Claim a queued job and see its attempt through; nothing happens when somebody else has it."""
    claimed = services.attempt_claim(job_id=job_id)
    if claimed is None:
        return
    claim, secret = claimed
    job = Job.objects.get(pk=job_id)
    executor: Executor | None = None
    try:
        executor = executor_for(job)
        handle = executor.submit(_spec(job, claim, secret))
    except (ExecutorError, FairwayError) as error:
        services.job_finish(claim=claim, status=JobStatus(JobState.LOST, cause=str(error)))
        return
    services.attempt_started(claim=claim, handle=handle)
    attempt_watch(claim, executor)


def attempt_resume(attempt_id: uuid.UUID, lease: uuid.UUID | None) -> None:
    """Take over an attempt whose watcher is gone; nothing happens when another worker was faster."""
    claim = services.attempt_adopt(attempt_id=attempt_id, lease=lease)
    if claim is None:
        return
    attempt = JobAttempt.objects.select_related("job").get(pk=attempt_id)
    try:
        executor = executor_for(attempt.job)
    except ExecutorError as error:
        services.job_finish(claim=claim, status=JobStatus(JobState.LOST, cause=str(error)))
        return
    status = executor.status(attempt.handle) if attempt.handle else JobStatus(JobState.LOST)
    if attempt.state == JobAttempt.State.LEASED:
        if status.state is JobState.LOST:
            cause = "The worker that took the job ended before it could start it."
            services.job_finish(claim=claim, status=JobStatus(JobState.LOST, cause=cause))
            return
        services.attempt_started(claim=claim, handle=attempt.handle)
    attempt_watch(claim, executor)


def _spec(job: Job, claim: Claim, secret: str) -> JobSpec:
    kind = job_kind_find(job.kind)
    argv = kind.argv(job) if kind is not None and kind.argv is not None else child_argv()
    around = kind.surroundings(job) if kind is not None and kind.surroundings is not None else Surroundings()
    return JobSpec(
        job_id=str(job.pk),
        attempt=claim.number,
        kind=job.kind,
        argv=argv,
        directory=str(services.directory_of(job.pk, claim.number)),
        base_url=compute.reach_of(services.target_of(job)),
        token=secret,
        run_id=job.run_id.hex if job.run_id else "",
        env=around.env,
        limits=services.limits_of(job),
        read=around.read,
        connect_ports=around.connect_ports,
        own_ports=around.own_ports,
    )
