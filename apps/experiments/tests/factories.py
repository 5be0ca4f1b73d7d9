"""Experiments, runs, measurements and files for tests, made by the services."""

from __future__ import annotations

import itertools
from typing import Any

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Actor, ActorKind, Role
from apps.experiments import services
from apps.experiments.models import Artifact, Experiment, Run
from apps.experiments.services import MetricPoint

_count = itertools.count(1)


def scientist(team: Team | None = None) -> tuple[Actor, Team]:
    """A data scientist of a team."""
    team = team or team_make()
    return actor_make(Role.DATA_SCIENTIST, team), team


def experiment_make(actor: Actor, team: Team, **fields: Any) -> Experiment:
    name = fields.pop("name", f"Cheaper advice {next(_count)}")
    return services.experiment_create(actor=actor, team_id=team.pk, name=name, **fields)


def run_make(actor: Actor, experiment: Experiment, **fields: Any) -> Run:
    name = fields.pop("name", f"run {next(_count)}")
    return services.run_create(actor=actor, experiment=experiment.pk, name=name, **fields)


def points(key: str, values: list[float], *, start: int = 0, at: int = 1_700_000_000_000) -> list[MetricPoint]:
    """A measurement a step."""
    return [MetricPoint(key, value, at + step, start + step) for step, value in enumerate(values)]


def run_measured(actor: Actor, experiment: Experiment, **fields: Any) -> Run:
    """A finished run with curves of training and validation and two last measures."""
    best = fields.pop("best", 0.41)
    cost = fields.pop("cost", 150.0)
    run = run_make(actor, experiment, **fields)
    train = [0.5 - 0.01 * step for step in range(12)]
    valid = [best + 0.002 * (step - 6) ** 2 for step in range(12)]
    services.metrics_log(
        actor=actor,
        run_id=run.pk,
        points=[
            *points("train_log_loss", train),
            *points("validation_log_loss", valid),
            *points("validation_cost_per_100", [cost]),
            *points("validation_roc_auc", [0.7]),
        ],
    )
    run = services.run_finish(actor=actor, run_id=run.pk, status="FINISHED")
    run.refresh_from_db()
    return run


def artifact_make(actor: Actor, run: Run, path: str = "notes/report.html", content: bytes = b"<b>hi</b>") -> Artifact:
    return services.artifact_store(actor=actor, run_id=run.pk, path=path, chunks=[content])


def run_actor(run: Run) -> Actor:
    """The actor of a job attempt that is bound to this run and to nothing else."""
    return Actor(kind=ActorKind.RUN, id=None, label="job 1", run_id=run.pk, team_id=run.team_id)
