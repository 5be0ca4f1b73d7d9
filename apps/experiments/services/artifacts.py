"""Files of runs and logged models, stored by content."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.core.actors import Actor
from apps.core.blobs import blob_hold, blob_write
from apps.core.errors import Invalid, NotFound
from apps.core.policies import require_verb
from apps.experiments.models import Artifact, LoggedModel, Run
from apps.experiments.policies import require_run_write
from apps.experiments.services.logged_models import logged_model_lock, require_model_unsealed
from apps.experiments.services.runs import NO_RUN, require_active, require_unsealed, run_lock

PATH_LIMIT = 500
FILE_LIMIT = 5 * 1024**3


def path_check(path: str) -> str:
    """A relative path below its run, or Invalid: nothing that climbs, is absolute or hides a control character."""
    if not path or len(path) > PATH_LIMIT or "\\" in path or any(ord(sign) < 32 for sign in path):
        raise Invalid.field("path", f"A file path has 1 to {PATH_LIMIT} plain characters.")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or ":" in parts[0] or "%2e" in path.lower():
        raise Invalid.field("path", "A file path stays below its run: no empty, “.” or “..” part, not absolute.")
    return path


def artifact_store(
    *,
    actor: Actor,
    path: str,
    chunks: Iterable[bytes],
    run_id: uuid.UUID | None = None,
    logged_model_id: uuid.UUID | None = None,
) -> Artifact:
    """Stream a file in; a file of the same path is replaced while its run is not sealed.

    Exactly one of `run_id` and `logged_model_id`. Raises NotFound, Forbidden, Invalid, Conflict, TooLarge.
    """
    path_check(path)
    team_id = _require_writable(actor, run_id, logged_model_id)
    ref = blob_write(chunks, limit=FILE_LIMIT, team_id=team_id)
    with transaction.atomic():
        owner: dict[str, Any]
        if run_id is not None:
            run = run_lock(actor, run_id)
            require_unsealed(run)
            require_active(run)
            owner = {"run": run}
        else:
            assert logged_model_id is not None  # noqa: S101 - for the type checker; checked above
            model = logged_model_lock(actor, logged_model_id)
            require_model_unsealed(model)
            owner = {"logged_model": model}
        blob_hold(ref.sha256, team_id=team_id)
        artifact, _ = Artifact.objects.update_or_create(
            **owner, path=path, defaults={"sha256": ref.sha256, "size": ref.size}
        )
    return artifact


def artifacts_link(*, actor: Actor, run_id: uuid.UUID, folder: str, files: Iterable[Mapping[str, Any]]) -> None:
    """Make stored files ({"path", "sha256", "size"}) the files of a run below a folder, without sending them again.

    Raises NotFound, Forbidden, Invalid, Conflict for a sealed run and for bytes that are gone.
    """
    with transaction.atomic():
        run = run_lock(actor, run_id)
        require_unsealed(run)
        for one in files:
            path = path_check(f"{folder}/{one['path']}")
            blob_hold(one["sha256"])
            Artifact.objects.update_or_create(
                run=run, path=path, defaults={"sha256": one["sha256"], "size": one["size"]}
            )


def _require_writable(actor: Actor, run_id: uuid.UUID | None, logged_model_id: uuid.UUID | None) -> uuid.UUID:
    """The team, or a refusal before a byte is read; asked again under the lock."""
    if (run_id is None) == (logged_model_id is None):
        raise Invalid("A file belongs to a run or to a logged model.")
    if run_id is not None:
        run = Run.objects.visible_to(actor).filter(pk=run_id).first()
    else:
        live = LoggedModel.objects.visible_to(actor).filter(pk=logged_model_id, archived_at__isnull=True)
        logged = live.select_related("source_run").first()
        run = logged.source_run if logged else None
        if logged is not None and run is None:
            require_verb(actor, "job.run", logged)
            require_model_unsealed(logged)
            own_team: uuid.UUID = logged.team_id
            return own_team
    if run is None:
        raise NotFound(NO_RUN)
    require_run_write(actor, run)
    require_unsealed(run)
    require_active(run)
    team_id: uuid.UUID = run.team_id
    return team_id


def artifact_delete(
    *, actor: Actor, path: str, run_id: uuid.UUID | None = None, logged_model_id: uuid.UUID | None = None
) -> None:
    """Remove a file or all files below a folder from a run or a logged model that is not sealed.

    Exactly one of `run_id` and `logged_model_id`. Raises NotFound, Forbidden, Invalid, Conflict.
    """
    path_check(path)
    _require_writable(actor, run_id, logged_model_id)
    with transaction.atomic():
        if run_id is not None:
            require_unsealed(run_lock(actor, run_id))
            rows = Artifact.objects.filter(run_id=run_id)
        else:
            assert logged_model_id is not None  # noqa: S101 - for the type checker; checked above
            require_model_unsealed(logged_model_lock(actor, logged_model_id))
            rows = Artifact.objects.filter(logged_model_id=logged_model_id)
        count, _ = rows.filter(Q(path=path) | Q(path__startswith=f"{path}/")).delete()
        if not count:
            raise NotFound("There is no such file.")
