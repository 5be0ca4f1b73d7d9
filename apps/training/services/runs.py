"""The run of a training job, with all that is needed to do it again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from apps.core.actors import Actor
from apps.core.build import build
from apps.experiments import services as experiments
from apps.training.models import Launch

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.experiments.models import Run
    from apps.jobs.models import Job


def run_begin(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    version: DatasetVersion,
    name: str,
    recipe: str,
    params: dict[str, Any],
    seed: int,
    job_id: uuid.UUID | None = None,
    tags: dict[str, str] | None = None,
) -> Run:
    """A run that notes all that is needed to do it again: data, code, environment, params, seed."""
    made = build()
    return experiments.run_create(
        actor=actor,
        experiment=experiment_id,
        name=name,
        params={**{key: str(value) for key, value in params.items()}, "recipe": recipe, "seed": str(seed)},
        tags=tags,
        job_id=job_id,
        inputs=[(version, "training")],
        code={"version": made.version, "commit": made.commit, "entry": f"recipe {recipe}"},
        environment={"python": made.python, "lock_digest": made.lock_digest},
        seed=seed,
        source="recipe",
    )


def launch_again(actor: Actor, launch: Launch, job: Job, *, name: str) -> Launch:
    """A run and a launch of their own for a job that trains the same once more; the caller saves the job."""
    run = run_begin(
        actor=actor,
        experiment_id=launch.experiment_id,
        version=launch.dataset_version,
        name=name[:200],
        recipe=launch.recipe,
        params=launch.params,
        seed=launch.seed,
        job_id=job.pk,
    )
    job.run_id, job.subject_type, job.subject_id = run.pk, run._meta.label_lower, run.pk
    again: Launch = Launch.objects.create(
        team_id=launch.team_id,
        problem_version_id=launch.problem_version_id,
        dataset_version_id=launch.dataset_version_id,
        experiment_id=launch.experiment_id,
        run=run,
        job=job,
        model_id=launch.model_id,
        recipe=launch.recipe,
        params=launch.params,
        seed=launch.seed,
        registers=launch.registers,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    return again
