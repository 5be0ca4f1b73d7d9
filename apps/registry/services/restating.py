"""The files of a version once more: under another model, with what a person states of them, with another threshold."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.db import transaction

from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.registry import selectors
from apps.registry.models import Model, ModelVersion
from apps.registry.services.files import manifest_digest
from apps.registry.services.registering import (
    NO_LABELS,
    Labels,
    Origin,
    model_locked,
    register,
    require_model,
)
from apps.registry.services.stated import Stated

# What was measured of the files, whatever a person states of them; and all that a version says of itself beside them.
_MEASURED = ("task", "complexity", "environment", "importance", "format")
_FACTS = ("signature", "classes", "threshold", *_MEASURED)


def version_restate(*, actor: Actor, version_id: uuid.UUID, stated: Stated) -> ModelVersion:
    """The files of a version once more, with what a person states of them: another version, or the one that says so.

    Raises NotFound, Forbidden, Invalid, and Conflict for a version that is not sealed or has no files.
    """
    with transaction.atomic():
        model, held = _sealed(actor, version_id)
        facts = {name: getattr(held, name) for name in _MEASURED}
        origin = replace(_origin(held, facts), source=held.source, copied=None, said=stated, complete=True)
        return register(actor, model, origin, Labels(description=held.description), seal_at_end=True)


def version_rethreshold(*, actor: Actor, version_id: uuid.UUID, threshold: float) -> ModelVersion:
    """The same files with another decision threshold: another version, judged and approved like any, or the one that
    says so. Raises NotFound, Forbidden, Invalid, and Conflict for a version that is not sealed or has no files.
    """
    with transaction.atomic():
        model, held = _sealed(actor, version_id)
        if held.threshold == threshold:
            return held
        origin = replace(_origin(held, _facts(held)), said=Stated(threshold=threshold))
        return register(actor, model, origin, Labels(description=held.description), seal_at_end=True)


def version_copy(
    *, actor: Actor, model_id: uuid.UUID, version_id: uuid.UUID, labels: Labels = NO_LABELS
) -> ModelVersion:
    """Register the files of a version under another model of the team, with all that is known of them.

    Raises NotFound, Forbidden, and Conflict for a version that was recalled or has no files.
    """
    with transaction.atomic():
        model = model_locked(actor, model_id)
        copied: ModelVersion | None = (
            ModelVersion.objects.select_related("model", "run__experiment", "logged_model")
            .filter(pk=version_id, team_id=model.team_id)
            .first()
        )
        if copied is None:
            raise NotFound("There is no such version in this team.")
        require_model(copied)
        if copied.state in (ModelVersion.State.RECALLED, ModelVersion.State.UPLOADING):
            raise Conflict(f"{copied} is {copied.get_state_display()}.", code="wrong_state")
        origin = _origin(copied, {**_facts(copied), "quarantine_reason": copied.quarantine_reason})
        return register(actor, model, origin, labels, seal_at_end=True)


def _sealed(actor: Actor, version_id: uuid.UUID) -> tuple[Model, ModelVersion]:
    """A sealed version with files, and its model, locked. Raises NotFound, Forbidden, Conflict."""
    held = selectors.model_version_get(actor, version_id)
    model = model_locked(actor, held.model_id)
    require_model(held)
    if held.state != ModelVersion.State.SEALED:
        raise Conflict(f"{held} is {held.get_state_display()}.", code="wrong_state")
    return model, held


def _origin(held: ModelVersion, facts: dict[str, Any]) -> Origin:
    """The files of a version as where another one comes from."""
    return Origin(
        manifest=held.manifest,
        facts=facts,
        source=f"models:/{held.model.name}/{held.number}",
        path=held.path,
        run=held.run,
        logged=held.logged_model,
        copied=held,
        recipe=held.recipe,
        trained_by_id=held.trained_by_id,
    )


def _facts(version: ModelVersion) -> dict[str, Any]:
    """All that a version says of itself beside its files."""
    return {**{name: getattr(version, name) for name in _FACTS}, "stated": _stated_of(version)}


def _stated_of(version: ModelVersion) -> dict[str, Any]:
    """What a person stated of a version's files, for a copy; empty when they say it all themselves."""
    known = {"signature": version.signature, "classes": version.classes}
    told = {"threshold": version.threshold}
    stated: tuple[dict[str, Any], ...] = ({}, known, told, known | told)
    return next((one for one in stated if manifest_digest(version.manifest, one) == version.content_digest), known)
