"""Who may do what with jobs."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor, ActorKind
from apps.core.policies import require, who_can
from apps.jobs.contracts import FINAL_STATES, OPEN_STATES, job_kind_find
from apps.jobs.models import Job


def verbs_of(kind: str) -> tuple[str, ...]:
    """The verbs of which one is needed for jobs of that kind."""
    definition = job_kind_find(kind)
    return definition.verbs if definition is not None else ("job.run",)


def can_run(actor: Actor, team_id: uuid.UUID | None, kind: str) -> bool:
    """May the actor launch, retry and cancel jobs of that kind in that team?"""
    return any(actor.can(verb, team_id) for verb in verbs_of(kind))


def can_cancel(actor: Actor, job: Job) -> bool:
    """The right to run jobs in the team, while there is something to cancel."""
    return job.state in OPEN_STATES and job.cancel_requested_at is None and can_run(actor, job.team_id, job.kind)


def can_retry(actor: Actor, job: Job) -> bool:
    """The right to run jobs in the team, once the job has ended without success."""
    return job.state in FINAL_STATES - {"SUCCEEDED"} and can_run(actor, job.team_id, job.kind)


def is_attempt(actor: Actor) -> bool:
    """Is this the token of a job's attempt?"""
    return actor.kind is ActorKind.RUN and actor.attempt_id is not None


def workers_manage(actor: Actor) -> bool:
    """May the actor see and drain workers? They are the installation's."""
    return actor.can("target.manage", None)


def require_workers_manage(actor: Actor) -> None:
    """Raise Forbidden unless `workers_manage`."""
    require(
        workers_manage(actor),
        f"Workers take the right “target.manage” on the whole site: {who_can('target.manage')} of the site has it.",
    )
