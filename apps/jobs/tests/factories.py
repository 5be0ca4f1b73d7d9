"""Jobs, claims and tiny kinds for tests of this and of upper rooms."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Actor, Role
from apps.jobs import services
from apps.jobs.contracts import Claim, JobKind, job_kind_register
from apps.jobs.models import Job
from workers.contracts.jobspec import JobState, JobStatus, Line


def shell_argv(job: Job) -> tuple[str, ...]:
    """The child of the kind "probe" runs the Python text in its spec."""
    return (sys.executable, "-u", "-I", "-c", str(job.spec.get("program", "")))


def probe_kind(**callbacks: Any) -> JobKind:
    """Register the kind "probe", with callbacks when given."""
    kind = JobKind("probe", "Probe", argv=shell_argv, **callbacks)
    job_kind_register(kind)
    return kind


def scientist(team: Team | None = None) -> tuple[Actor, Team]:
    team = team or team_make()
    return actor_make(Role.DATA_SCIENTIST, team), team


def job_make(actor: Actor | None = None, team: Team | None = None, *, program: str = "", **fields: Any) -> Job:
    """A queued job of the kind "probe"."""
    from apps.jobs.contracts import job_kind_find

    if job_kind_find("probe") is None:
        probe_kind()
    if actor is None or team is None:
        actor, team = scientist(team)
    values: dict[str, Any] = {"kind": "probe", "title": "try it", "spec": {"program": program}, "files": []}
    return services.job_queue(actor=actor, team_id=team.pk, **{**values, **fields})


def claim_make(job: Job) -> tuple[Claim, str]:
    """Claim what is next in the job's queue, as a worker would; (claim, secret of the run token)."""
    claimed = services.attempt_claim(job_id=job.pk)
    assert claimed is not None
    return claimed


def first_make(job: Job) -> None:
    """Let the job have waited longest, where others wait too."""
    if Job.objects.filter(state=Job.State.QUEUED).exclude(pk=job.pk).exists():
        Job.objects.filter(pk=job.pk).update(queued_at=datetime(2000, 1, 1, tzinfo=UTC))


def running_make(**fields: Any) -> tuple[Job, Claim, str]:
    """A job whose first attempt runs."""
    job = job_make(**fields)
    claim, secret = claim_make(job)
    services.attempt_started(claim=claim, handle=f"/nowhere/{uuid.uuid4()}")
    job.refresh_from_db()
    return job, claim, secret


def lines_make(*texts: str, start: int = 0, at: float = 0.0) -> list[Line]:
    """Lines of output with rising offsets, ten bytes each."""
    return [Line(start + 10 * (index + 1), at, text) for index, text in enumerate(texts)]


def exited(code: int = 0, **fields: Any) -> JobStatus:
    return JobStatus(JobState.EXITED, exit_code=code, **fields)
