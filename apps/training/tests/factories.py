"""Launches for tests: an accepted problem, sealed data, a queued job, and what its child would report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.accounts.models import Team
from apps.core.actors import Actor
from apps.core.tests.remember import remembered
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.experiments.models import Run
from apps.experiments.tests.factories import run_actor
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited, first_make
from apps.problems.models import Problem
from apps.problems.tests.factories import people, problem_accepted
from apps.registry.tests.factories import facts_of, files_log
from apps.training import services
from apps.training.models import Launch


@dataclass
class Ground:
    """All that a launch needs."""

    team: Team
    scientist: Actor
    owner: Actor
    problem: Problem
    version: DatasetVersion


@remembered
def ground_make(team: Team | None = None, *, rows: int = 240, **problem: Any) -> Ground:
    """A team with an accepted problem and a sealed dataset version for it."""
    team, scientist, owner = people(team)
    accepted, _ = problem_accepted(scientist, owner, team, **problem)
    dataset = dataset_make(scientist, team, accepted)
    version = version_sealed(scientist, dataset, csv_bytes(rows_make(rows)))
    return Ground(team, scientist, owner, accepted, version)


def launch_make(ground: Ground, **fields: Any) -> Launch:
    values: dict[str, Any] = {"recipe": "logistic_regression", "params": {}, "seed": 0}
    return services.training_launch(
        actor=ground.scientist,
        dataset_version_id=ground.version.pk,
        problem_id=ground.problem.pk,
        **{**values, **fields},
    )


def job_end_well(launch: Launch, *, files: dict[str, bytes] | None = None, **facts: Any) -> Job:
    """Do what worker and child do: claim, start, log a model, report it, exit 0."""
    first_make(launch.job)
    claim, _ = claim_make(launch.job)
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    run = Run.objects.select_related("experiment").get(pk=launch.run_id)
    child = run_actor(run)
    logged = files_log(child, run, files)
    attempt_result(launch, {"model": facts_of(logged, **facts)})
    return jobs.job_finish(claim=claim, status=exited(0))


def attempt_result(launch: Launch, payload: dict[str, Any]) -> None:
    """Store what the child reports with its results call."""
    from apps.jobs.models import JobAttempt

    attempt = JobAttempt.objects.filter(job_id=launch.job_id).order_by("-number").first()
    assert attempt is not None
    attempt.result = payload
    attempt.save(update_fields=["result"])
