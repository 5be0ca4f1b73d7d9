"""A team with an accepted problem, versions that were asked for and approved, and what the gateway would report."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.accounts.models import Team, User
from apps.accounts.tests.factories import actor_make
from apps.core.actors import Actor, Role
from apps.core.tests.remember import remembered
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import dataset_make, version_sealed
from apps.deployments import services
from apps.deployments.models import Deployment, Rollout
from apps.evaluations.models import Evaluation
from apps.experiments.tests.factories import experiment_make, run_make
from apps.jobs.tests.factories import job_make
from apps.problems.models import Problem, ProblemVersion
from apps.problems.tests.factories import people, problem_accepted
from apps.registry.models import Model, ModelVersion
from apps.registry.tests.factories import model_make
from apps.registry.tests.factories import version_make as registered_make
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.services.decisions import approval_withdraw, review_decide
from apps.reviews.services.requests import approval_request

_count = itertools.count(1)
INPUTS: list[dict[str, Any]] = [
    {"name": "age", "datatype": "INT64", "required": True, "levels": None},
    {"name": "income", "datatype": "FP64", "required": False, "levels": None},
    {"name": "colour", "datatype": "BYTES", "required": True, "levels": ["Black", "White"]},
]


@dataclass
class Stage:
    """Who and what a deployment needs."""

    team: Team
    scientist: Actor
    owner: Actor
    operator: Actor
    problem: Problem
    problem_version: ProblemVersion
    data: DatasetVersion
    model: Model


@remembered
def stage_make(team: Team | None = None, **model: Any) -> Stage:
    team, scientist, owner = people(team)
    problem, agreed = problem_accepted(scientist, owner, team, objectives=[{"metric": "roc_auc", "limit": 0.6}])
    data = version_sealed(scientist, dataset_make(scientist, team, problem))
    operator = actor_make(Role.OPERATOR, team)
    made = model_make(scientist, team, problem_id=problem.pk, task="BINARY", **model)
    return Stage(team, scientist, owner, operator, problem, agreed, data, made)


def version_make(stage: Stage, **facts: Any) -> ModelVersion:
    """A sealed version whose lineage is whole."""
    run = run_make(
        stage.scientist,
        experiment_make(stage.scientist, stage.team),
        code={"commit": "c" * 40},
        environment={"lock_digest": "e" * 64},
        inputs=[(stage.data, "training")],
    )
    facts = {"signature": {"inputs": INPUTS, "outputs": []}, **facts}
    return registered_make(stage.scientist, stage.team, model=stage.model, run=run, **facts)


def evaluation_make(stage: Stage, version: ModelVersion) -> Evaluation:
    """A complete judgement of a version, as the row stands once its job has ended."""
    number = next(_count)
    return Evaluation.objects.create(
        team=stage.team,
        number=1000 + number,
        problem=stage.problem,
        problem_version=stage.problem_version,
        model_version=version,
        dataset_version=stage.data,
        job=job_make(stage.scientist, stage.team),
        state=Evaluation.State.COMPLETE,
        threshold=0.75,
        row_count=100,
        row_digest="a" * 64,
        report={},
        report_digest=f"{number:064d}",
        completed_at=timezone.now(),
    )


def request_make(stage: Stage, version: ModelVersion | None = None, environment: str = "production") -> ApprovalRequest:
    """An open request for a version."""
    version = version or version_make(stage)
    evaluation = evaluation_make(stage, version)
    return approval_request(
        actor=stage.scientist, model_version_id=version.pk, evaluation_id=evaluation.pk, environment=environment
    )


def approve(stage: Stage, request: ApprovalRequest) -> Decision:
    return review_decide(
        actor=stage.owner,
        request_id=request.pk,
        vote="APPROVE",
        reason="Better for everybody.",
        evidence_digest=request.evidence_digest,
    )


def rollout_make(stage: Stage, version: ModelVersion | None = None, environment: str = "production") -> Rollout:
    """The rollout that an approval started; it is loading."""
    request = request_make(stage, version, environment)
    approve(stage, request)
    return Rollout.objects.select_related("deployment", "model_version", "request").get(
        request=request, state=Rollout.State.LOADING
    )


def live_make(stage: Stage, version: ModelVersion | None = None, environment: str = "production") -> Rollout:
    """A version that answers."""
    rollout = rollout_make(stage, version, environment)
    host_report(rollout)
    rollout.refresh_from_db()
    assert rollout.state == Rollout.State.LIVE
    return rollout


def withdraw(stage: Stage, rollout: Rollout) -> None:
    approval_withdraw(actor=stage.owner, request_id=rollout.request_id, reason="Found to be wrong.")


def host_report(rollout: Rollout, state: str = "READY", error: str = "", **fields: Any) -> None:
    """What the gateway says of the rollout's host."""
    entry = {"version_id": str(rollout.model_version_id), "state": state, "pid": 7, "rss": 2**27, "error": error}
    services.health_ingest(hosts=[{**entry, **fields}], serial=1)


def deployment_of(stage: Stage) -> Deployment:
    return Deployment.objects.get(model=stage.model)


def states(deployment: Deployment) -> list[tuple[int, str]]:
    """(version's number, state) of every rollout, oldest first."""
    rows = Rollout.objects.filter(deployment=deployment).order_by("number")
    return list(rows.values_list("model_version__number", "state"))


def row_make(deployment: Deployment, rollout: Rollout | None = None, **fields: Any) -> dict[str, Any]:
    """One row of the gateway's spool."""
    at = fields.pop("at", None) or timezone.now()
    return {
        "id": str(uuid.uuid4()),
        "deployment_id": str(deployment.pk),
        "version_id": str(rollout.model_version_id) if rollout else None,
        "at": at.isoformat() if isinstance(at, datetime) else at,
        "inputs": {"age": 40, "colour": "***"},
        "output": {"label": "Yes", "decision": True, "probabilities": {"No": 0.1, "Yes": 0.9}},
        "score": 0.9,
        "status": 200,
        "latency_ms": 2.5,
        "row_digest": "d" * 32,
        "token": "12345678",
        "error": None,
        **fields,
    }


def rows_store(*rows: dict[str, Any]) -> int:
    return services.predictions_ingest(batch_id=str(uuid.uuid4()), rows=list(rows))


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())
