"""Model versions after their registration: labels, use, quarantine, aliases. Sealed files never change."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require_verb
from apps.registry.contracts import live_version_id
from apps.registry.models import Model, ModelAlias, ModelVersion
from apps.registry.services import telling
from apps.registry.services.models import model_lock, row_version_check, tags_merge, tags_told

_ALIAS = re.compile(r"^[\w-]{1,255}\Z")
_RESERVED_ALIAS = re.compile(r"^(v\d+|latest)$", re.IGNORECASE)
_IN_USE = (ModelVersion.State.SEALED, ModelVersion.State.QUARANTINED)


def _version_lock(actor: Actor, version_id: uuid.UUID) -> ModelVersion:
    version: ModelVersion | None = (
        ModelVersion.objects.select_related("model")
        .select_for_update(of=("self",))
        .filter(pk=version_id, model__in=Model.objects.visible_to(actor))
        .first()
    )
    if version is None:
        raise NotFound("There is no such version, or you may not see it.")
    require_verb(actor, "model.register", version)
    return version


def labels_change(
    actor: Actor, version: ModelVersion, *, description: str | None = None, tags: dict[str, str] | None = None
) -> None:
    """Write the description and tags of a locked version where they differ; in the transaction of the caller."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if description is not None and description != version.description:
        before["description"], after["description"] = version.description, description
        version.description = description
    if tags is not None and not tags.items() <= version.tags.items():
        before["tags"] = tags_told({key: version.tags[key] for key in tags if key in version.tags})
        after["tags"] = tags_told(tags)
        changed = {key: value for key, value in tags.items() if version.tags.get(key) != value}
        version.tags = tags_merge(version.tags, tags)
        for key in changed:
            telling.tag_set(version, key, version.tags[key])
    if after:
        _changed_save(version, "description", "tags")
        audit_record(actor=actor, action="version.describe", thing=version, before=before, after=after)


def _changed_save(version: ModelVersion, *fields: str) -> None:
    version.row_version += 1
    version.updated_at = timezone.now()
    version.save(update_fields=[*fields, "row_version", "updated_at"])


def version_describe(
    *,
    actor: Actor,
    version_id: uuid.UUID,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    row_version: int | None = None,
) -> ModelVersion:
    """Description and tags may change (`tags` are added to those it has); nothing else of a sealed version may.

    Raises NotFound, Forbidden, Invalid, Conflict (code "stale").
    """
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        row_version_check(version, row_version)
        labels_change(actor, version, description=description, tags=tags)
    return version


def version_tag_delete(*, actor: Actor, version_id: uuid.UUID, key: str) -> bool:
    """Remove a tag; False when there was none. Raises NotFound, Forbidden."""
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        if key not in version.tags:
            return False
        before = {"tags": tags_told({key: version.tags[key]})}
        version.tags = {held: value for held, value in version.tags.items() if held != key}
        _changed_save(version, "tags")
        audit_record(actor=actor, action="version.describe", thing=version, before=before, after={"tags": {}})
        telling.tag_deleted(version, key)
        return True


def version_archive(*, actor: Actor, version_id: uuid.UUID, archived: bool = True) -> ModelVersion:
    """Take a version out of use, with the aliases that point at it, or back as it stood.

    Raises NotFound, Forbidden, and Conflict while it is live or in another state.
    """
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        if archived and live_version_id(version.model_id) == version.pk:
            raise Conflict("This version is live. Put another one live, or retire the deployment, first.", code="live")
        allowed = _IN_USE if archived else (ModelVersion.State.ARCHIVED,)
        if version.state not in allowed:
            raise Conflict(f"The version is {version.get_state_display()}.", code="wrong_state")
        if not archived:
            state_restore(actor, version)
            return version
        version.state = ModelVersion.State.ARCHIVED
        version.updated_at = timezone.now()
        version.save(update_fields=["state", "updated_at"])
        names = list(version.aliases.order_by("name").values_list("name", flat=True))
        version.aliases.all().delete()
        for name in names:
            telling.alias_deleted(version.model, name)
        audit_record(actor=actor, action="version.archive", thing=version, before={"aliases": names} if names else None)
    return version


def state_restore(actor: Actor, version: ModelVersion) -> None:
    """Bring a locked, archived version back; what was quarantined still is. In the transaction of the caller."""
    quarantined = bool(version.quarantine_reason)
    version.state = ModelVersion.State.QUARANTINED if quarantined else ModelVersion.State.SEALED
    version.updated_at = timezone.now()
    version.save(update_fields=["state", "updated_at"])
    audit_record(actor=actor, action="version.restore", thing=version)


def version_quarantine(*, actor: Actor, version_id: uuid.UUID, reason: str) -> ModelVersion:
    """Refuse a version to every loader; the host's own judgement of the contents ends here too."""
    if not reason.strip():
        raise Invalid.field("reason", "Say why.")
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        if version.state != ModelVersion.State.QUARANTINED:
            version.state = ModelVersion.State.QUARANTINED
            version.quarantine_reason = reason
            version.save(update_fields=["state", "quarantine_reason"])
            audit_record(actor=actor, action="version.quarantine", thing=version, reason=reason)
    return version


def version_stage_set(*, actor: Actor, version_id: uuid.UUID, stage: str, archive_others: bool = False) -> ModelVersion:
    """Label a version with a stage of MLflow; with `archive_others`, those that have it become Archived.

    A label only: what is in production follows from deployments, so that one is no stage to set, and a live version has
    no other. Raises NotFound, Forbidden, Invalid, Conflict.
    """
    if stage not in ModelVersion.Stage.values:
        raise Invalid.field("stage", f"One of {', '.join(ModelVersion.Stage.values)}.")
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        if live_version_id(version.model_id) == version.pk:
            raise Conflict(
                f"{version} is live, which is its stage. Put another one live, or retire the deployment, first.",
                code="live",
            )
        changes = [(version, stage)] if version.stage != stage else []
        if archive_others:
            held = ModelVersion.objects.select_related("model").select_for_update(of=("self",))
            held = held.filter(model_id=version.model_id, stage=stage).exclude(pk=version.pk).order_by("id")
            changes += [(row, ModelVersion.Stage.ARCHIVED) for row in held]
        for row, to in changes:
            before, row.stage = row.stage, to
            _changed_save(row, "stage")
            audit_record(actor=actor, action="version.stage", thing=row, before={"stage": before}, after={"stage": to})
    return version


def alias_check(name: str) -> None:
    """Raise Invalid for what is no name, and Conflict for a word that deployments alone say."""
    if not _ALIAS.match(name) or _RESERVED_ALIAS.match(name):
        raise Invalid.field("alias", "Letters, digits, _ and -; not “latest” and not like “v3”.")
    if name.lower() in ("live", "production"):
        raise Conflict("What is in production follows from an approval, not from an alias.", code="alias_reserved")


def alias_set(*, actor: Actor, model_id: uuid.UUID, name: str, version_id: uuid.UUID) -> ModelAlias:
    """Point a name at a version. What is live is said by deployments alone, so that word is refused as a name."""
    alias_check(name)
    with transaction.atomic():
        model = model_lock(actor, model_id)
        version = ModelVersion.objects.select_related("model").filter(pk=version_id, model=model).first()
        if version is None:
            raise NotFound("There is no such version of this model.")
        alias, _ = ModelAlias.objects.update_or_create(
            model=model, name__iexact=name, defaults={"version": version, "name": name}
        )
        audit_record(actor=actor, action="alias.set", thing=version, after={"alias": name})
        telling.alias_created(version, name)
    return alias


def alias_delete(*, actor: Actor, model_id: uuid.UUID, name: str) -> None:
    """Remove a name. Raises NotFound."""
    with transaction.atomic():
        model = model_lock(actor, model_id)
        deleted, _ = ModelAlias.objects.filter(model=model, name__iexact=name).delete()
        if not deleted:
            raise NotFound("There is no such alias.")
        audit_record(actor=actor, action="alias.delete", thing=model, before={"alias": name})
        telling.alias_deleted(model, name)
