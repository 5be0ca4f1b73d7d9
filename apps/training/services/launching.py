"""Launching a recipe on a dataset version, and what follows when its job ends."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.experiments import services as experiments
from apps.jobs import services as jobs
from apps.problems import selectors as problems
from apps.registry import services as registry
from apps.training import policies
from apps.training.models import Launch, Reproduction
from apps.training.services.reproducing import (
    reproduction_fail,
    reproduction_finish,
    reproduction_of,
    reproduction_retry,
)
from apps.training.services.runs import launch_again, run_begin
from workers.contracts.recipes import RANKING, RecipeError, params_clean, recipe_available, recipe_get

if TYPE_CHECKING:
    from apps.jobs.models import Job
    from apps.registry.models import ModelVersion

SEED_LIMIT = 2**32


def params_check(recipe_id: str, params: dict[str, Any], task: str) -> dict[str, Any]:
    """Params of a recipe with defaults filled in. Raises Invalid at `recipe` or `params.<name>`."""
    try:
        recipe = recipe_get(recipe_id)
    except RecipeError as error:
        raise Invalid.field("recipe", f"There is no recipe “{recipe_id}”.") from error
    if task not in recipe.tasks:
        raise Invalid.field("recipe", f"“{recipe.title}” does not fit a problem of this kind.")
    reason = recipe_available(recipe_id)
    if reason:
        raise Invalid.field("recipe", reason)
    try:
        return params_clean(recipe, params)
    except RecipeError as error:
        fields = {f"params.{name}" if name else "params": [text] for name, text in error.errors.items()}
        raise Invalid("Check the parameters of the recipe.", fields=fields) from error


def training_launch(
    *,
    actor: Actor,
    dataset_version_id: uuid.UUID,
    problem_id: uuid.UUID,
    recipe: str,
    params: dict[str, Any] | None = None,
    seed: int = 0,
    name: str = "",
    target_id: uuid.UUID | None = None,
    priority: str = "normal",
    restartable: bool = False,
    register: bool = True,
    tags: dict[str, str] | None = None,
) -> Launch:
    """Begin a run and queue its job; its model becomes a version of the problem's model when it ends well.

    Without `register` the run keeps it, to be registered by whoever wants it. It runs on the compute target that is
    asked for, else on this machine. Raises NotFound, Forbidden, Invalid (recipe, params, seed, target, priority),
    Conflict (problem not accepted, data not sealed or without the target or query column, a compute target that takes
    no job now).
    """
    version = datasets.dataset_version_get(actor, dataset_version_id)
    problem = problems.problem_get(actor, problem_id)
    if version.team_id != problem.team_id:
        raise NotFound("There is no such dataset version in the problem's team.")
    require(
        policies.training_launch(actor, problem.team_id),
        "Launching training takes a data scientist's role in the team. An administrator can grant it.",
    )
    agreed = problems.version_current(problem)
    if agreed is None:
        raise Conflict(
            f"The problem “{problem}” is {problem.get_state_display()}: training starts once a product owner has "
            "accepted it.",
            code="problem_not_accepted",
        )
    if problem.state in ("SUSPENDED", "CLOSED") or problem.archived_at:
        raise Conflict(f"The problem “{problem}” is {problem.get_state_display()}.", code="problem_closed")
    cleaned = params_check(recipe, params or {}, agreed.task)
    if isinstance(seed, bool) or not 0 <= seed < SEED_LIMIT:
        raise Invalid.field("seed", f"A whole number from 0 to {SEED_LIMIT - 1}.")
    facts = datasets.training_facts(version)
    if facts["target"] != agreed.target:
        raise Conflict(
            f"The data has no column “{agreed.target}” in the role of the target, which the problem asks for.",
            code="target_missing",
        )
    if agreed.task == RANKING and not facts["query_column"]:
        raise Conflict(
            "The data has no column in the role query, which says what items are ordered together. Give one that role "
            "on the page of the version, and split by it.",
            code="query_missing",
        )
    title = recipe_get(recipe).title
    with transaction.atomic():
        experiment = experiments.experiment_get_or_create(
            actor=actor, team_id=problem.team_id, name=problem.name, problem_id=problem.pk
        )
        model = registry.model_get_or_create(
            actor=actor,
            team_id=problem.team_id,
            name=registry.model_name_fit(problem.name),
            problem_id=problem.pk,
            task=agreed.task,
        )
        dataset_services.version_cite(actor=actor, version_id=version.pk)
        run = run_begin(
            actor=actor,
            experiment_id=experiment.pk,
            version=version,
            name=name.strip() or title,
            recipe=recipe,
            params=cleaned,
            seed=seed,
            tags=tags,
        )
        spec = {
            "recipe": recipe,
            "params": cleaned,
            "seed": seed,
            "task": agreed.task,
            "positive_label": agreed.positive_label or None,
            "costs": problems.costs_of(agreed),
            **facts,
        }
        if tags:
            # The page of the job tells by them that something began it, without asking.
            spec["tags"] = tags
        job = jobs.job_queue(
            actor=actor,
            team_id=problem.team_id,
            kind="train",
            title=f"train {title.lower()}",
            spec=spec,
            files=[{**facts["table"], "name": "table.parquet"}],
            problem_id=problem.pk,
            run_id=run.pk,
            subject=run,
            target_id=target_id,
            priority=priority,
            restartable=restartable,
            signature=f"recipe:{recipe}",
        )
        experiments.run_job_set(run_id=run.pk, job_id=job.pk)
        launch = Launch.objects.create(
            team_id=problem.team_id,
            problem_version=agreed,
            dataset_version=version,
            experiment=experiment,
            run=run,
            job=job,
            model=model,
            recipe=recipe,
            params=cleaned,
            seed=seed,
            registers=register,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        audit_record(
            actor=actor,
            action="training.launch",
            thing=launch,
            object_label=f"{title} on {version}",
            problem_id=problem.pk,
            after={"recipe": recipe, "params": cleaned, "seed": seed, "run": run.pk.hex, "job": job.number},
        )
    return launch


def training_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried job writes a run and a launch of its own: what the ended run measured stays as it is."""
    launch = Launch.objects.select_related("run", "dataset_version__dataset").filter(job_id=old.pk).first()
    if launch is None:
        return
    again = launch_again(actor, launch, new, name=launch.run.name)
    reproduction_retry(actor, launch, again)
    audit_record(
        actor=actor,
        action="training.retry",
        thing=again,
        object_label=f"{recipe_get(launch.recipe).title} on {launch.dataset_version}",
        problem_id=new.problem_id,
        after={"run": again.run_id.hex, "job": new.number, "retry_of": old.number},
    )


def training_restart(job: Job, reason: str) -> None:
    """An attempt was lost and the next one continues the same run: it runs again, what was measured stays."""
    launch = Launch.objects.select_related("run").filter(job_id=job.pk).first()
    if launch is not None and launch.run.sealed_at is None and launch.run.status != "RUNNING":
        experiments.run_update(actor=Actor.system("training"), run_id=launch.run_id, status="RUNNING")


def training_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> ModelVersion | Reproduction | None:
    """Called by the jobs room in the transaction that ends a training job: register the model that it logged.

    A reproduction registers nothing: it is compared with its original. Nor does a launch that was not to: then
    None is given, and the run has the model. The same call again gives what stands. Raises
    Conflict without a model, and what the registry raises.
    """
    launch = Launch.objects.select_related("run", "model").get(job_id=job.pk)
    facts = result.get("model")
    if not isinstance(facts, dict):
        raise Conflict("The job ended without reporting a model.", code="no_model")
    system = Actor.system("training")
    run = experiments.run_finish(actor=system, run_id=launch.run_id, status="FINISHED")
    reproduction = reproduction_of(launch)
    if reproduction is not None:
        reproduction_finish(reproduction, run)
        return reproduction
    if not launch.registers:
        return None
    version = registry.model_version_create(
        actor=system,
        model_id=launch.model_id,
        run_id=launch.run_id,
        facts=facts,
        trained_by_id=launch.created_by_id,
        recipe=launch.recipe,
    )
    launch.model_version = version
    launch.save(update_fields=["model_version"])
    return version


def training_fail(job: Job, cause: str) -> None:
    """Called when a training job ends in any other way: its run ends too, also one that its child called finished."""
    launch = Launch.objects.select_related("run").filter(job_id=job.pk).first()
    if launch is None:
        return
    reproduction_fail(launch, cause)
    if launch.run.sealed_at is not None:
        return
    status = "KILLED" if job.state == "CANCELLED" else "FAILED"
    ended = launch.run.ended_at or timezone.now()
    experiments.run_update(actor=Actor.system("training"), run_id=launch.run_id, status=status, ended_at=ended)
