"""Versions of models."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet, Subquery

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.registry.contracts import live_version_id
from apps.registry.models import Model, ModelVersion


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
    """ModelRef for a child: where the files are by content, or the answers by column, and how to decide."""
    return {
        "version_id": str(version.pk),
        "name": version.model.name,
        "number": version.number,
        "files": version.manifest,
        "format": version.format,
        "threshold": version.threshold,
        "classes": version.classes,
        "recipe": version.recipe,
        "inputs": [tensor["name"] for tensor in version.signature.get("inputs") or []],
        "answers": version.brought_columns,
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


def signature_missing(version: ModelVersion) -> str:
    """Why a version that says nothing of its columns is not used, and what to do; empty when it says them."""
    if version.signature.get("inputs"):
        return ""
    return "It does not say which columns it reads: register its files again with a signature."


def model_missing(version: ModelVersion) -> str:
    """Why a version that was brought as predictions is never loaded, served or proposed; empty for every other."""
    if version.brought_on_id is None:
        return ""
    return f"{version} holds no model, only predictions made elsewhere for the rows of one table."


def brought_list(actor: Actor, problem_id: uuid.UUID, *, data_id: uuid.UUID | None = None) -> QuerySet[ModelVersion]:
    """Versions in use that were brought as predictions, those for the rows of one data version when it is named."""
    rows = version_list(actor, problem_id=problem_id).filter(brought_on__isnull=False, state=ModelVersion.State.SEALED)
    return rows.filter(brought_on_id=data_id) if data_id else rows


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


def versions_of_runs(actor: Actor, run_ids: Iterable[uuid.UUID]) -> list[ModelVersion]:
    """The versions that these runs generated: their number and their model's name."""
    rows = version_list(actor).filter(run_id__in=list(run_ids)).select_related(None).select_related("model")
    return list(rows.only("number", "state", "run_id", "model__name"))


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


def blob_needed(sha256: str) -> bool:
    """Does a version refer to these bytes?"""
    return ModelVersion.objects.filter(manifest__contains=[{"sha256": sha256}]).exists()
