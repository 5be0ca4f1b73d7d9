"""Who may move traffic."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.core.policies import TeamThing
from apps.deployments.models import Deployment


def deployment_repeat(actor: Actor, thing: TeamThing) -> bool:
    """Start again what is approved: a deployment, or an approved request."""
    return actor.can("deploy.start", thing.team_id) or actor.can("deploy.stop", thing.team_id)


def deployment_stop(actor: Actor, deployment: Deployment) -> bool:
    """Roll back, pause, resume."""
    return actor.can("deploy.stop", deployment.team_id)


def kill_switch(actor: Actor, deployment: Deployment) -> bool:
    """End an approved version's traffic at once."""
    return actor.can("kill.switch", deployment.team_id)


def predict(actor: Actor, deployment: Deployment) -> bool:
    """Ask the model, as the page's form does."""
    return actor.can("predict", deployment.team_id)


def batch_score(actor: Actor, deployment: Deployment) -> bool:
    """Scoring a table is a job; what may score is decided by the approval."""
    return actor.can("job.run", deployment.team_id)


def batch_rows(actor: Actor, deployment: Deployment) -> bool:
    """The file holds what single rows were answered: for who works with the team's data or answers for its models."""
    return actor.can("job.run", deployment.team_id) or actor.can("problem.edit", deployment.team_id)
