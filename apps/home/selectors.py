"""What the home page shows, read from the rooms below."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from apps.audit import selectors as audit
from apps.core.actors import Actor, Role
from apps.core.registries import HomeItem, waiting_list
from apps.deployments import selectors as deployments
from apps.evaluations import selectors as evaluations
from apps.gates import selectors as gates
from apps.jobs import selectors as jobs
from apps.problems import selectors as problems

if TYPE_CHECKING:
    from apps.accounts.models import Team

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A deployment that answers, with what its newest evaluation says."""

    deployment: Any
    version: Any
    rollout: Any
    gates: str
    traffic: Any


def waiting(actor: Actor, team: Team | None) -> list[HomeItem]:
    """What waits for this person, oldest first."""
    return waiting_list(actor, team.pk if team else None)


def own_jobs(actor: Actor, team: Team | None) -> list[Any]:
    """The person's own jobs that are not at their end, and the last few that are."""
    rows = jobs.job_list(actor, team_id=team.pk if team else None)
    return list(rows.filter(created_by_id=actor.id).order_by("-id")[:5])


def live_models(actor: Actor, team: Team | None) -> list[LiveModel]:
    """Deployments of the team that are not retired."""
    rows = deployments.deployment_list(actor, team_id=team.pk if team else None)
    found = []
    for deployment in rows.exclude(state="RETIRED").order_by("name")[:_SHOWN]:
        rollout = deployments.live_rollout(deployment)
        version = rollout.model_version if rollout else None
        evaluation = evaluations.latest_for(version) if version else None
        found.append(
            LiveModel(
                deployment=deployment,
                version=version,
                rollout=rollout,
                gates=gates.gate_summary(evaluation).words if evaluation else "not evaluated",
                traffic=deployments.traffic_of(deployment),
            )
        )
    return found


def feed(actor: Actor, team: Team | None, since: datetime | None) -> tuple[list[dict[str, Any]], datetime | None]:
    """What changed in the team since the last visit, newest first; without news the latest there is, since None."""
    latest = audit.team_feed(actor, team.pk if team else None, limit=_SHOWN)
    news = [item for item in latest if since is not None and item["at"] > since]
    return (news, since) if news else (latest, None)


def first_steps(actor: Actor, team: Team | None) -> bool:
    """True while the team has no problem: the page then says how to begin."""
    return team is not None and not problems.problem_list(actor, team_id=team.pk).exists()


def role_words(actor: Actor, team_id: uuid.UUID | None) -> str:
    """The person's roles in a team, for the line below the name."""
    words = {
        Role.VIEWER: "viewer",
        Role.DATA_SCIENTIST: "data scientist",
        Role.PRODUCT_OWNER: "product owner",
        Role.OPERATOR: "operator",
        Role.ADMINISTRATOR: "administrator",
        Role.AUDITOR: "auditor",
    }
    held = actor.roles_in(team_id)
    return ", ".join(word for role, word in words.items() if role in held)
