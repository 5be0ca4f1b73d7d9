"""What webhooks are told of the registry, in the shapes that MLflow's servers send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.webhooks.services import event_tell

if TYPE_CHECKING:
    from apps.registry.models import Model, ModelVersion


def model_created(model: Model) -> None:
    data = {"name": model.name, "tags": model.tags, "description": model.description or None}
    event_tell(team_id=model.team_id, event="registered_model.created", data=data)


def version_created(version: ModelVersion) -> None:
    data = {
        "name": version.model.name,
        "version": str(version.number),
        "source": version.source,
        "run_id": version.run_id.hex if version.run_id else None,
        "tags": version.tags,
        "description": version.description or None,
    }
    event_tell(team_id=version.team_id, event="model_version.created", data=data)


def tag_set(version: ModelVersion, key: str, value: str) -> None:
    data = {"name": version.model.name, "version": str(version.number), "key": key, "value": value}
    event_tell(team_id=version.team_id, event="model_version_tag.set", data=data)


def tag_deleted(version: ModelVersion, key: str) -> None:
    data = {"name": version.model.name, "version": str(version.number), "key": key}
    event_tell(team_id=version.team_id, event="model_version_tag.deleted", data=data)


def alias_created(version: ModelVersion, name: str) -> None:
    data = {"name": version.model.name, "alias": name, "version": str(version.number)}
    event_tell(team_id=version.team_id, event="model_version_alias.created", data=data)


def alias_deleted(model: Model, name: str) -> None:
    data = {"name": model.name, "alias": name}
    event_tell(team_id=model.team_id, event="model_version_alias.deleted", data=data)
