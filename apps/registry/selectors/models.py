"""Registered models and the names that point into them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable

from django.db.models import Case, Count, Max, Q, QuerySet, When

from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.registry.models import Model, ModelAlias


def model_get(actor: Actor, pk: uuid.UUID) -> Model:
    """Raises NotFound."""
    found: Model | None = Model.objects.visible_to(actor).select_related("problem").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such model, or you may not see it.")
    return found


def model_by_name(actor: Actor, name: str, *, team_id: uuid.UUID, elsewhere: bool = True) -> Model:
    """The team's model of that name; with `elsewhere`, else the only one in the other teams that the actor sees.

    Raises NotFound, and Conflict when several other teams have one.
    """
    rows = Model.objects.visible_to(actor).filter(name__iexact=name.strip(), archived_at__isnull=True)
    rows = rows if elsewhere else rows.filter(team_id=team_id)
    ours_first = Case(When(team_id=team_id, then=0), default=1)
    found = list(rows.select_related("problem").order_by(ours_first, "id")[:2])
    if not found:
        raise NotFound("There is no such model, or you may not see it.")
    if found[0].team_id != team_id and len(found) > 1:
        raise Conflict(f"Several of your teams have a model named “{name}”. Say which team you mean.")
    first: Model = found[0]
    return first


def model_list(
    actor: Actor, *, team_id: uuid.UUID | None = None, problem_id: uuid.UUID | None = None, archived: bool = False
) -> QuerySet[Model]:
    """With the number of versions and the newest one's number."""
    rows: QuerySet[Model] = (
        Model.objects.visible_to(actor).select_related("problem").filter(archived_at__isnull=not archived)
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(problem_id=problem_id)
    return rows.annotate(
        version_count=Count("versions"),
        newest_number=Max("versions__number"),
        newest_at=Max("versions__created_at"),
    )


def model_search(actor: Actor, text: str, limit: int) -> QuerySet[Model]:
    """Models by a part of their name or by id."""
    return model_list(actor).filter(_named("name__icontains", text)).order_by("name", "id")[:limit]


def _named(lookup: str, text: str) -> Q:
    condition = Q(**{lookup: text})
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text))
    return condition


def alias_list(model: Model) -> dict[uuid.UUID, list[str]]:
    """{version id: its aliases} of a model."""
    found: dict[uuid.UUID, list[str]] = {}
    for version_id, name in ModelAlias.objects.filter(model=model).order_by("name").values_list("version_id", "name"):
        found.setdefault(version_id, []).append(name)
    return found


def alias_numbers(models: Iterable[Model]) -> dict[uuid.UUID, dict[str, int]]:
    """{model id: {alias: number of its version}} of many models, in one query."""
    found: dict[uuid.UUID, dict[str, int]] = {}
    rows = ModelAlias.objects.filter(model__in=list(models)).order_by("name")
    for model_id, name, number in rows.values_list("model_id", "name", "version__number"):
        found.setdefault(model_id, {})[name] = number
    return found
