"""Reading models and versions."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Case, Count, Max, Q, QuerySet, Subquery, When

from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.registry.contracts import live_version_id
from apps.registry.models import Model, ModelAlias, ModelVersion


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


def model_version_get(actor: Actor, pk: uuid.UUID) -> ModelVersion:
    """Raises NotFound."""
    found: ModelVersion | None = (
        ModelVersion.objects.select_related("model", "model__problem", "run", "run__experiment")
        .filter(pk=pk, model__in=Model.objects.visible_to(actor))
        .first()
    )
    if found is None:
        raise NotFound("There is no such version, or you may not see it.")
    return found


def _in_use(model: Model) -> QuerySet[ModelVersion]:
    rows: QuerySet[ModelVersion] = ModelVersion.objects.select_related("model", "run").filter(model=model)
    return rows.exclude(state=ModelVersion.State.ARCHIVED)


def version_by_number(model: Model, number: int) -> ModelVersion:
    """A version of a model that the actor sees. Raises NotFound, also for an archived one."""
    found = _in_use(model).filter(number=number).first()
    if found is None:
        raise NotFound("There is no such version.")
    return found


def version_by_alias(model: Model, name: str) -> ModelVersion:
    """The version that an alias of the model points at. Raises NotFound."""
    found = _in_use(model).filter(aliases__name__iexact=name).first()
    if found is None:
        raise NotFound("There is no such alias.")
    return found


def version_newest(model: Model) -> ModelVersion:
    """The newest version in use. Raises NotFound."""
    found = _in_use(model).order_by("-number").first()
    if found is None:
        raise NotFound("The model has no version.")
    return found


def version_list(
    actor: Actor, *, model_id: uuid.UUID | None = None, problem_id: uuid.UUID | None = None
) -> QuerySet[ModelVersion]:
    """Versions that the actor sees."""
    rows = ModelVersion.objects.select_related("model", "run").filter(model__in=Model.objects.visible_to(actor))
    if model_id:
        rows = rows.filter(model_id=model_id)
    if problem_id:
        rows = rows.filter(model__problem_id=problem_id)
    return rows


def version_of_run(run_id: uuid.UUID) -> ModelVersion | None:
    """The version that a run generated."""
    return ModelVersion.objects.select_related("model").filter(run_id=run_id).order_by("-id").first()


def live_version_of(model: Model) -> ModelVersion | None:
    """The version that answers in production now."""
    pk = live_version_id(model.pk)
    return ModelVersion.objects.select_related("model").filter(pk=pk).first() if pk else None


def model_ref(version: ModelVersion) -> dict[str, Any]:
    """ModelRef for a child: where the files are by content, and how to decide."""
    return {
        "version_id": str(version.pk),
        "name": version.model.name,
        "number": version.number,
        "files": version.manifest,
        "format": version.format,
        "threshold": version.threshold,
        "classes": version.classes,
        "recipe": version.recipe,
    }


def lineage_missing(version: ModelVersion, *, has_data: bool | None = None) -> list[str]:
    """Which of code, environment, data and run the version lacks (invariant I5); empty when its lineage is whole.

    `has_data` saves a query where the caller has read the run's inputs already.
    """
    run = version.run
    if run is None:
        return ["the run that generated it", "the code", "the environment", "the data"]
    missing = []
    if not (run.code.get("commit") or run.code.get("version")):
        missing.append("the code")
    if not (run.environment.get("lock_digest") or version.environment.get("lock_digest")):
        missing.append("the environment")
    if has_data is None:
        has_data = run.inputs.filter(dataset_version__isnull=False).exists()
    if not has_data:
        missing.append("the data")
    return missing


def model_search(actor: Actor, text: str, limit: int) -> QuerySet[Model]:
    """Models by a part of their name or by id."""
    return model_list(actor).filter(_named("name__icontains", text)).order_by("name", "id")[:limit]


def version_search(actor: Actor, text: str, limit: int) -> QuerySet[ModelVersion]:
    """Versions by id, or by words such as "release 3" and "v3": a part of the model's name and the number."""
    words = text.replace("version", " ").split()
    numbers = [word.lstrip("vV") for word in words if word.lstrip("vV").isdigit() and len(word) < 10]
    names = " ".join(word for word in words if not word.lstrip("vV").isdigit())
    condition = Q(pk__in=[])
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text.strip()))
    if numbers:
        condition |= Q(number=int(numbers[-1]), model__name__icontains=names)
    return version_list(actor).filter(condition).order_by("-id")[:limit]


def _named(lookup: str, text: str) -> Q:
    condition = Q(**{lookup: text})
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text))
    return condition


def versions_of_runs(actor: Actor, run_ids: Iterable[uuid.UUID]) -> list[ModelVersion]:
    """The versions that these runs generated."""
    return list(version_list(actor).filter(run_id__in=list(run_ids)).defer("manifest", "signature", "importance"))


def version_heads(actor: Actor, model: Model, live_id: uuid.UUID | None) -> tuple[Any, Any]:
    """(the newest version, the live one) of a model, in one query; None for what there is not."""
    top = ModelVersion.objects.filter(model=model).order_by("-number").values("number")[:1]
    rows = list(version_list(actor, model_id=model.pk).filter(Q(number=Subquery(top)) | Q(pk=live_id)))
    newest = max(rows, key=lambda version: version.number, default=None)
    return newest, next((version for version in rows if version.pk == live_id), None)


def version_heads_by_stage(models: Sequence[Model], live: Mapping[uuid.UUID, uuid.UUID]) -> list[ModelVersion]:
    """Of each model the newest version of each stage that is stored, and the live one (`live`: model to version id)."""
    held = ModelVersion.objects.select_related("model", "run").exclude(state=ModelVersion.State.ARCHIVED)
    held = held.defer("manifest", "signature", "importance")
    newest = held.filter(model__in=models).exclude(pk__in=live.values())
    newest = newest.order_by("model_id", "stage", "-number").distinct("model_id", "stage")
    return [*newest, *(held.filter(pk__in=live.values()) if live else ())]


def alias_list(model: Model) -> dict[uuid.UUID, list[str]]:
    """{version id: its aliases} of a model."""
    found: dict[uuid.UUID, list[str]] = {}
    for version_id, name in ModelAlias.objects.filter(model=model).order_by("name").values_list("version_id", "name"):
        found.setdefault(version_id, []).append(name)
    return found


def alias_numbers(model: Model) -> dict[str, int]:
    """{alias: number of its version} of a model."""
    return dict(ModelAlias.objects.filter(model=model).order_by("name").values_list("name", "version__number"))


def blob_needed(sha256: str) -> bool:
    """Does a version refer to these bytes?"""
    return ModelVersion.objects.filter(manifest__contains=[{"sha256": sha256}]).exists()
