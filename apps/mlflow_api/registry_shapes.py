"""Registered models and their versions in MLflow's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from apps.mlflow_api.shapes import millis, pairs, without_empty

if TYPE_CHECKING:
    from apps.registry.models import Model, ModelVersion

# Stages of MLflow. Fairway stores all but this one: it says what is live.
PRODUCTION = "Production"
# Files of a quarantined version are kept and it stands in the registry, so clients do not wait for it or give up.
_STATUSES = {"UPLOADING": "PENDING_REGISTRATION", "RECALLED": "FAILED_REGISTRATION"}


def version_root(version: ModelVersion) -> str:
    return f"mlflow-artifacts:/models/{version.pk.hex}/artifacts"


def stage_of(version: ModelVersion, *, live: bool) -> str:
    """The stage as clients see it."""
    return PRODUCTION if live else version.stage


def version_shape(version: ModelVersion, *, live: bool, aliases: Iterable[str] = ()) -> dict[str, Any]:
    """A version; `live` is whether it answers in production now."""
    shape = {
        "name": version.model.name,
        "version": str(version.number),
        "creation_timestamp": millis(version.created_at),
        "last_updated_timestamp": millis(version.updated_at or version.created_at),
        "current_stage": stage_of(version, live=live),
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id.hex if version.run_id else "",
        "status": _STATUSES.get(version.state, "READY"),
        "run_link": version.run_link,
        "tags": pairs(version.tags),
        "aliases": list(aliases),
    }
    if said := _said(version):
        shape["status_message"] = said
    return without_empty(shape)


def _said(version: ModelVersion) -> str:
    """What clients should know of a version that nothing loads."""
    if version.state == "QUARANTINED":
        return f"Quarantined by Fairway: {version.quarantine_reason} Nothing evaluates or deploys it."
    return "Recalled: something that it was made from was recalled." if version.state == "RECALLED" else ""


def model_shape(
    model: Model, *, heads: Iterable[dict[str, Any]] = (), aliases: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """A registered model; `heads` are shapes of its newest versions by stage, `aliases` name numbers of versions."""
    shape: dict[str, Any] = {
        "name": model.name,
        "creation_timestamp": millis(model.created_at),
        "last_updated_timestamp": millis(model.updated_at or model.created_at),
        "latest_versions": list(heads),
        "tags": pairs(model.tags),
        "aliases": [{"alias": name, "version": str(number)} for name, number in (aliases or {}).items()],
    }
    if model.description:
        shape["description"] = model.description
    return without_empty(shape)
