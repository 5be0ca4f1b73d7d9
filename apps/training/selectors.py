"""Reading launches and the recipe catalogue."""

from __future__ import annotations

import uuid
from typing import Any

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.training.models import Launch
from workers.contracts.recipes import recipe_available, recipes_for


def launch_get(actor: Actor, pk: uuid.UUID) -> Launch:
    """Raises NotFound."""
    found = (
        Launch.objects.visible_to(actor)
        .select_related("run", "job", "model", "dataset_version__dataset", "problem_version__problem", "experiment")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        raise NotFound("There is no such launch, or you may not see it.")
    return found


def launch_of_run(actor: Actor, run_id: uuid.UUID) -> Launch | None:
    return (
        Launch.objects.visible_to(actor)
        .select_related("dataset_version__dataset", "problem_version__problem", "model_version__model", "job")
        .filter(run_id=run_id)
        .first()
    )


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
