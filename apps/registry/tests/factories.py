"""Models and versions for tests: a run logs files, the service registers them."""

from __future__ import annotations

import itertools
from typing import Any

from apps.accounts.models import Team
from apps.core.actors import Actor
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import HEADER, csv_bytes, dataset_make, rows_make, version_sealed
from apps.experiments import services as experiments
from apps.experiments.models import Experiment, LoggedModel, Run
from apps.experiments.tests.factories import experiment_make, run_make
from apps.problems.models import Problem
from apps.registry import services
from apps.registry.models import Model, ModelVersion
from workers.inspection.tests.skops_files import skops

_count = itertools.count(1)

SIGNATURE: dict[str, Any] = {
    "inputs": [
        {"name": "age", "datatype": "INT64", "required": True, "levels": None},
        {"name": "colour", "datatype": "BYTES", "required": True, "levels": ["Black", "White"]},
    ],
    "outputs": [{"name": "released", "datatype": "BYTES"}, {"name": "score", "datatype": "FP64"}],
}
FACTS: dict[str, Any] = {
    "path": "model",
    "format": "SKOPS",
    "task": "BINARY",
    "classes": ["No", "Yes"],
    "threshold": 0.75,
    "signature": SIGNATURE,
    "complexity": {"features": 2, "parameters": 31, "size_bytes": 4096, "row_seconds": 0.00002},
    "environment": {"python": "3.11", "packages": {"scikit-learn": "1.7.0"}},
    "importance": [{"feature": "age", "value": 0.08}, {"feature": "colour", "value": 0.002}],
}


def model_make(actor: Actor, team: Team, **fields: Any) -> Model:
    name = fields.pop("name", f"Release model {next(_count)}")
    return services.model_get_or_create(actor=actor, team_id=team.pk, name=name, **fields)


def files_log(actor: Actor, run: Run, files: dict[str, bytes] | None = None) -> LoggedModel:
    """A logged model of the run with files of its own."""
    mine = skops(next(_count))
    logged = experiments.logged_model_create(
        actor=actor, experiment_number=run.experiment.number, name="model", source_run_id=run.pk
    )
    for path, content in (files or {"MLmodel": b"flavors: {}", "model.skops": mine}).items():
        experiments.artifact_store(actor=actor, logged_model_id=logged.pk, path=path, chunks=[content])
    return experiments.logged_model_finalize(actor=actor, logged_model_id=logged.pk, status=LoggedModel.Status.READY)


def logged_beside(actor: Actor, experiment: Experiment) -> LoggedModel:
    """A ready model that a client logged beside any run."""
    logged = experiments.logged_model_create(actor=actor, experiment_number=experiment.number, name="model")
    content = skops(f"beside {next(_count)}")
    experiments.artifact_store(actor=actor, logged_model_id=logged.pk, path="model.skops", chunks=[content])
    return experiments.logged_model_finalize(actor=actor, logged_model_id=logged.pk, status=LoggedModel.Status.READY)


def facts_of(logged: LoggedModel, **changes: Any) -> dict[str, Any]:
    return {**FACTS, "logged_model_id": f"m-{logged.pk.hex}", **changes}


def version_make(
    actor: Actor,
    team: Team,
    *,
    model: Model | None = None,
    run: Run | None = None,
    experiment: Experiment | None = None,
    files: dict[str, bytes] | None = None,
    trained_by_id: Any = None,
    **facts: Any,
) -> ModelVersion:
    """A version of a fresh run, sealed unless its files or facts say otherwise."""
    model = model or model_make(actor, team)
    if run is None:
        run = run_make(actor, experiment or experiment_make(actor, team), code={"commit": "c" * 40})
    logged = files_log(actor, run, files)
    return services.model_version_create(
        actor=actor,
        model_id=model.pk,
        run_id=run.pk,
        facts=facts_of(logged, **facts),
        trained_by_id=trained_by_id or actor.id,
        recipe="logistic_regression",
    )


def answers_make(actor: Actor, team: Team, problem: Problem) -> DatasetVersion:
    """A sealed table of the problem with the score of an outside model beside the truth."""
    rows = [[*row, str(place * 37 % 101 / 100)] for place, row in enumerate(rows_make(120))]
    return version_sealed(actor, dataset_make(actor, team, problem), csv_bytes(rows, [*HEADER, "score"]))


def brought_make(actor: Actor, team: Team, problem: Problem) -> ModelVersion:
    """A version without files: predictions made elsewhere."""
    data = answers_make(actor, team, problem)
    brought = services.Brought(f"Scorecard {next(_count)}", "score")
    return services.version_bring(actor=actor, dataset_version_id=data.pk, brought=brought)
