"""Model versions: registered once, sealed, never changed."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import blob_open
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require, require_verb, who_can
from apps.experiments import selectors as experiments
from apps.experiments import services as experiment_services
from apps.lineage.services import edge_add
from apps.registry import policies
from apps.registry.contracts import live_version_id
from apps.registry.models import Model, ModelAlias, ModelVersion
from apps.registry.services.models import model_lock, row_version_check
from workers.inspection.files import ModelFile
from workers.inspection.judge import model_judge

_ALIAS = re.compile(r"^[A-Za-z0-9_-]{1,100}$")
_RESERVED_ALIAS = re.compile(r"^(v\d+|latest)$", re.IGNORECASE)


def manifest_digest(manifest: Sequence[dict[str, Any]]) -> str:
    """One SHA-256 over the paths, hashes and sizes of a version's files."""
    rows = sorted([row["path"], row["sha256"], row["size"]] for row in manifest)
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()


def model_version_create(
    *,
    actor: Actor,
    model_id: uuid.UUID,
    run_id: uuid.UUID,
    facts: dict[str, Any],
    trained_by_id: uuid.UUID | None,
    recipe: str = "",
    description: str = "",
    seal_at_end: bool = False,
) -> ModelVersion:
    """Register the model that a run logged.

    `facts` is ModelFacts as the child reports it; the files and their hashes are those that the store has, never
    those that a file or a child claims. The contents are judged, without loading them: what is not of a format and of
    types on the fixed lists is kept and QUARANTINED. A signature and a task that nobody gave are those the files state.
    The same run and path, or the same bytes, is the version that stands. Seals the run; with `seal_at_end`, a client's
    run that still runs when it ends.
    Raises NotFound, Forbidden, Invalid, Conflict when the run's files were removed.
    """
    with transaction.atomic():
        model = Model.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=model_id).first()
        if model is None:
            raise NotFound("There is no such model, or you may not see it.")
        require(
            policies.model_register(actor, model.team_id),
            f"Registering a version takes the right “model.register” in the team: {who_can('model.register')} has it.",
        )
        run = experiments.run_get(actor, run_id)
        if run.team_id != model.team_id:
            raise NotFound("There is no such run in this team.")
        path = str(facts.get("path") or "model")
        held = ModelVersion.objects.filter(model=model, run=run, path=path).first()
        if held is not None:
            return held
        if run.purged_at is not None:
            raise Conflict(
                "The files of this run were removed, so nothing can be registered from it.", code="run_purged"
            )
        manifest = _manifest(actor, run, facts)
        digest = manifest_digest(manifest)
        same = ModelVersion.objects.filter(model=model, content_digest=digest).first()
        if same is not None:
            return same
        verdict = model_judge([_file(row) for row in manifest])
        found = verdict.format
        reason = verdict.quarantine or str(facts.get("quarantine_reason") or "")
        if found and facts.get("format") and found != facts["format"]:
            reason = reason or f"The files are {found}, the run said {facts['format']}."
        version = ModelVersion.objects.create(
            model=model,
            team_id=model.team_id,
            number=number_next(model, ModelVersion.objects.filter(model=model)),
            state=ModelVersion.State.QUARANTINED if reason else ModelVersion.State.SEALED,
            run=run,
            path=path,
            source=f"runs:/{run.pk.hex}/{path}",
            format=found or "",
            recipe=recipe,
            manifest=manifest,
            content_digest=digest,
            signature=facts.get("signature") or (verdict.signature.to_json() if verdict.signature else {}),
            task=str(facts.get("task") or model.task or verdict.task),
            classes=facts.get("classes"),
            threshold=facts.get("threshold"),
            complexity=facts.get("complexity") or {},
            environment=facts.get("environment") or {},
            importance=facts.get("importance") or [],
            quarantine_reason=reason,
            description=description,
            registered_by_id=actor.id if actor.is_person else run.created_by_id,
            registered_by_label=actor.label if actor.is_person else run.created_by_label,
            trained_by_id=trained_by_id,
        )
        if not model.task and version.task:
            model.task = version.task
            model.save(update_fields=["task"])
        edge_add(subject=version, relation="GENERATED_BY", thing=run, team_id=model.team_id)
        for row in experiments.run_inputs(run):
            if row.dataset_version is not None:
                edge_add(subject=version, relation="DERIVED_FROM", thing=row.dataset_version, team_id=model.team_id)
        experiment_services.run_seal(run_id=run.pk, at_end=seal_at_end)
        audit_record(
            actor=actor,
            action="version.quarantine" if reason else "version.register",
            thing=version,
            problem_id=model.problem_id,
            after={"number": version.number, "run": run.pk.hex, "content_digest": digest, "format": version.format},
            reason=reason,
        )
    return version


def _file(row: dict[str, Any]) -> ModelFile:
    return ModelFile(row["path"], row["size"], partial(blob_open, row["sha256"]))


def _manifest(actor: Actor, run: Any, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Files as the store has them: of the logged model, else below the path among the run's files."""
    logged_id = str(facts.get("logged_model_id") or "")
    if logged_id:
        logged = experiments.logged_model_get(actor, uuid.UUID(hex=logged_id.removeprefix("m-")))
        if logged.source_run_id != run.pk:
            raise Invalid.field("logged_model_id", "The model was logged by another run.")
        files = [(a.path, a.sha256, a.size) for a in experiments.artifact_list(logged_model_id=logged.pk)]
    else:
        prefix = f"{facts.get('path') or 'model'}/"
        files = [
            (a.path.removeprefix(prefix), a.sha256, a.size)
            for a in experiments.artifact_list(run_id=run.pk)
            if a.path.startswith(prefix)
        ]
    if not files:
        raise Invalid.field("path", "The run has logged no files there.")
    return [{"path": path, "sha256": sha256, "size": size} for path, sha256, size in files]


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


def version_describe(
    *, actor: Actor, version_id: uuid.UUID, description: str, row_version: int | None = None
) -> ModelVersion:
    """The description may change; nothing else of a sealed version may. Raises Conflict (code "stale")."""
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        row_version_check(version, row_version)
        if version.description != description:
            before = {"description": version.description}
            version.description = description
            version.row_version += 1
            version.save(update_fields=["description", "row_version"])
            audit_record(
                actor=actor, action="version.describe", thing=version, before=before, after={"description": description}
            )
    return version


def version_archive(*, actor: Actor, version_id: uuid.UUID, archived: bool = True) -> ModelVersion:
    """Take a sealed version out of use, or back. Raises Conflict while it is live."""
    with transaction.atomic():
        version = _version_lock(actor, version_id)
        if archived and live_version_id(version.model_id) == version.pk:
            raise Conflict("This version is live. Put another one live, or retire the deployment, first.", code="live")
        allowed = ModelVersion.State.SEALED if archived else ModelVersion.State.ARCHIVED
        if version.state != allowed:
            raise Conflict(f"The version is {version.get_state_display()}.", code="wrong_state")
        version.state = ModelVersion.State.ARCHIVED if archived else ModelVersion.State.SEALED
        version.save(update_fields=["state"])
        audit_record(actor=actor, action="version.archive" if archived else "version.restore", thing=version)
    return version


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


def alias_set(*, actor: Actor, model_id: uuid.UUID, name: str, version_id: uuid.UUID) -> ModelAlias:
    """Point a name at a version. What is live is said by deployments alone, so that word is refused as a name."""
    if not _ALIAS.match(name) or _RESERVED_ALIAS.match(name):
        raise Invalid.field("alias", "Letters, digits, _ and -; not “latest” and not like “v3”.")
    if name.lower() in ("live", "production", "champion"):
        raise Conflict("What is in production follows from an approval, not from an alias.", code="alias_reserved")
    with transaction.atomic():
        model = model_lock(actor, model_id)
        version = ModelVersion.objects.filter(pk=version_id, model=model).first()
        if version is None:
            raise NotFound("There is no such version of this model.")
        alias, _ = ModelAlias.objects.update_or_create(
            model=model, name__iexact=name, defaults={"version": version, "name": name}
        )
        audit_record(actor=actor, action="alias.set", thing=version, after={"alias": name})
    return alias


def alias_delete(*, actor: Actor, model_id: uuid.UUID, name: str) -> None:
    """Remove a name. Raises NotFound."""
    with transaction.atomic():
        model = model_lock(actor, model_id)
        deleted, _ = ModelAlias.objects.filter(model=model, name__iexact=name).delete()
        if not deleted:
            raise NotFound("There is no such alias.")
        audit_record(actor=actor, action="alias.delete", thing=model, before={"alias": name})
