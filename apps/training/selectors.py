"""Reading launches, the recipe catalogue, and what can be trained on what."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.datasets import selectors as datasets
from apps.problems import selectors as problems
from apps.training.models import CodeLaunch, Launch, LaunchTemplate, Reproduction
from workers.contracts.recipes import RECIPES, recipe_available, recipes_for

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import Problem

# States of a problem in which training may start.
STARTABLE = ("ACCEPTED", "ACTIVE")
CHOICES = 100


def _launches(actor: Actor) -> QuerySet[Launch]:
    rows: QuerySet[Launch] = Launch.objects.visible_to(actor)
    return rows.select_related(
        "run", "job", "model", "dataset_version__dataset", "problem_version__problem", "experiment", "model_version"
    )


def launch_get(actor: Actor, pk: uuid.UUID) -> Launch:
    """Raises NotFound."""
    found = _launches(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such launch, or you may not see it.")
    return found


def launch_list(actor: Actor, team_id: uuid.UUID) -> QuerySet[Launch]:
    """Trainings launched in a team by themselves, newest first: trials of a sweep are left out."""
    return _launches(actor).filter(team_id=team_id, registers=True).order_by("-id")


def launch_of_run(actor: Actor, run_id: uuid.UUID) -> Launch | None:
    """The launch that made a run; None for runs that a client logged."""
    return _launches(actor).filter(run_id=run_id).first()


def launch_of_job(actor: Actor, job_id: uuid.UUID) -> Launch | None:
    """The launch that queued a job."""
    return _launches(actor).filter(job_id=job_id).first()


def _code_launches(actor: Actor) -> QuerySet[CodeLaunch]:
    rows: QuerySet[CodeLaunch] = CodeLaunch.objects.visible_to(actor)
    return rows.select_related("run", "job", "bundle", "environment", "problem", "model_version")


def code_launch_get(actor: Actor, pk: uuid.UUID) -> CodeLaunch:
    """Raises NotFound."""
    found = _code_launches(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such launch, or you may not see it.")
    return found


def code_launch_of_run(actor: Actor, run_id: uuid.UUID) -> CodeLaunch | None:
    """The launch of people's own code that made a run."""
    return _code_launches(actor).filter(run_id=run_id).first()


def code_launch_of_job(actor: Actor, job_id: uuid.UUID) -> CodeLaunch | None:
    """The launch of people's own code that queued a job."""
    return _code_launches(actor).filter(job_id=job_id).first()


def code_launch_list(actor: Actor, bundle_id: uuid.UUID | None = None) -> QuerySet[CodeLaunch]:
    """Launches of people's own code, newest first."""
    rows = _code_launches(actor).order_by("-id")
    return rows if bundle_id is None else rows.filter(bundle_id=bundle_id)


def template_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[LaunchTemplate]:
    """Templates that were not put away; the caller sorts."""
    rows: QuerySet[LaunchTemplate] = LaunchTemplate.objects.visible_to(actor).filter(archived_at__isnull=True)
    rows = rows.select_related("bundle", "problem", "target")
    return rows if team_id is None else rows.filter(team_id=team_id)


def template_get(actor: Actor, pk: uuid.UUID) -> LaunchTemplate:
    """Raises NotFound."""
    found = template_list(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such template, or you may not see it.")
    return found


def reproduction_list(actor: Actor, run_id: uuid.UUID) -> list[Reproduction]:
    """Reproductions of a run, and the one that it is itself, newest first."""
    rows = Reproduction.objects.visible_to(actor).select_related(
        "original", "launch__run", "launch__job", "code_launch__run", "code_launch__job"
    )
    mine = Q(original_id=run_id) | Q(launch__run_id=run_id) | Q(code_launch__run_id=run_id)
    return list(rows.filter(mine).order_by("-id"))


def runs_of_launches(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """For links alone: the page behind them asks for the right to see."""
    return dict(Launch.objects.filter(pk__in=pks).values_list("pk", "run_id"))


def runs_of_code_launches(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """For links alone: the page behind them asks for the right to see."""
    return dict(CodeLaunch.objects.filter(pk__in=pks).values_list("pk", "run_id"))


def recipe_list(task: str) -> list[dict[str, Any]]:
    """The catalogue for a task, with the schema of the params and why a recipe cannot start here (or None)."""
    return [
        {
            "id": recipe.id,
            "title": recipe.title,
            "description": recipe.description,
            "schema": recipe.schema,
            "unavailable": recipe_available(recipe.id),
        }
        for recipe in recipes_for(task)
    ]


def recipe_title(recipe_id: str) -> str:
    """Its title, or the id of one that has left the catalogue."""
    recipe = RECIPES.get(recipe_id)
    return recipe.title if recipe else recipe_id


def data_choices(actor: Actor, team_id: uuid.UUID) -> list[DatasetVersion]:
    """Sealed versions of the team that training can start from, newest first."""
    rows = datasets.dataset_version_list(actor).filter(
        team_id=team_id,
        state="SEALED",
        purged_at__isnull=True,
        dataset__archived_at__isnull=True,
    )
    return list(rows.defer("profile", "manifest")[:CHOICES])


def problem_choices(actor: Actor, team_id: uuid.UUID) -> list[Problem]:
    """Problems of the team that somebody has accepted, newest first."""
    rows = problems.problem_list(actor, team_id=team_id)
    return list(rows.filter(state__in=STARTABLE)[:CHOICES])
