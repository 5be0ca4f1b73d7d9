"""Who may do what with jobs."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor, ActorKind
from apps.core.policies import require, who_can
from apps.jobs.contracts import FINAL_STATES, OPEN_STATES, PRIORITIES, job_kind_find
from apps.jobs.models import Job

PRIORITISE = "job.prioritise"
QUOTA = "quota.manage"


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


def can_prioritise(actor: Actor, team_id: uuid.UUID | None, kind: str, priority: int) -> bool:
    """May the actor give jobs of that kind that priority? The highest takes a right of its own: it is tried first."""
    if priority >= PRIORITIES["high"]:
        return actor.can(PRIORITISE, team_id)
    return can_run(actor, team_id, kind) or actor.can(PRIORITISE, team_id)


def require_prioritise(actor: Actor, team_id: uuid.UUID | None, kind: str, priority: int) -> None:
    """Raise Forbidden unless `can_prioritise`."""
    high = priority >= PRIORITIES["high"]
    verbs = (PRIORITISE,) if high else (*verbs_of(kind), PRIORITISE)
    what = "The priority high" if high else "Changing the priority"
    require(
        can_prioritise(actor, team_id, kind, priority),
        f"{what} takes the right “{verbs[0]}” in the team: {who_can(*verbs)} has it.",
    )


def priority_choices(actor: Actor, team_id: uuid.UUID | None, kind: str) -> list[tuple[str, str]]:
    """The priorities that the actor may give jobs of that kind, as choices of a form."""
    return [(word, word) for word, level in PRIORITIES.items() if can_prioritise(actor, team_id, kind, level)]


def can_try_first(actor: Actor, job: Job) -> bool:
    """May the actor raise this job to the highest priority now?"""
    waits = job.state in ("PENDING", "QUEUED") and job.priority < PRIORITIES["high"]
    return waits and can_prioritise(actor, job.team_id, job.kind, PRIORITIES["high"])


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


def quotas_manage(actor: Actor) -> bool:
    """May the actor set what teams may use? They share one installation, so a role in one team is not enough."""
    return actor.can(QUOTA, None)


def require_quotas_manage(actor: Actor) -> None:
    """Raise Forbidden unless `quotas_manage`."""
    require(
        quotas_manage(actor),
        f"Quotas take the right “{QUOTA}” on the whole site: {who_can(QUOTA)} of the site has it.",
    )
