"""Removing the files of a run: the bytes go, the record of what they were stays."""

from __future__ import annotations

import uuid
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import blob_release
from apps.core.errors import Conflict, Invalid, NotFound
from apps.experiments import policies
from apps.experiments.contracts import run_purge_vetoes
from apps.experiments.models import Artifact, Run


def run_purge(*, actor: Actor, run_id: uuid.UUID, reason: str, confirm: str) -> Run:
    """Remove the files of a run and of the models it logged; params, metrics, paths and hashes stay (a tombstone).

    A model version that was made of the run keeps its own files. `confirm` repeats the run's name. Raises NotFound,
    Forbidden, Invalid, Conflict while the run goes on or when a live version, an open request or a standing approval
    rests on it (invariant I4). A run that was purged already stays as it is.
    """
    with transaction.atomic():
        run: Run | None = Run.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=run_id).first()
        if run is None:
            raise NotFound("There is no such run, or you may not see it.")
        policies.require_run_purge(actor, run)
        why = reason.replace("\x00", "").strip()[:2000]
        if not why:
            raise Invalid.field("reason", "Say why.")
        if confirm.strip() != run.name.strip():
            raise Invalid.field("confirm", f"Type “{run.name}” to confirm.")
        if run.purged_at is not None:
            return run
        if run.status in (Run.Status.RUNNING, Run.Status.SCHEDULED):
            raise Conflict("The run goes on. End it first.", code="running")
        vetoes = run_purge_vetoes(run.pk)
        if vetoes:
            raise Conflict("The files are needed.", code="needed", items=vetoes)
        files = list(run_files(run.pk))
        run.purged_at, run.purge_reason = timezone.now(), why
        run.row_version += 1
        run.save(update_fields=["purged_at", "purge_reason", "row_version"])
        audit_record(
            actor=actor,
            action="run.purged",
            thing=run,
            after={"files": [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in files]},
            reason=why,
        )
        for sha256 in sorted({file.sha256 for file in files}):
            transaction.on_commit(partial(blob_release, sha256))
    return run


def run_files(run_id: uuid.UUID) -> list[Artifact]:
    """Files of a run and of the models it logged, by path."""
    rows = Artifact.objects.filter(Q(run_id=run_id) | Q(logged_model__source_run_id=run_id))
    return list(rows.order_by("path", "pk"))
