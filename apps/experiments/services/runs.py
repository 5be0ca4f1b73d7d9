"""Runs: begin, end, cite."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require_verb
from apps.experiments.models import Experiment, Run, RunInput
from apps.experiments.policies import require_run_write
from apps.experiments.services.locking import row_version_check
from apps.lineage.services import edge_add

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion


def run_lock(actor: Actor, run_id: uuid.UUID) -> Run:
    """The run, locked for writing. Raises NotFound, Forbidden, and Conflict when it is sealed."""
    run: Run | None = Run.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run, or you may not see it.")
    require_run_write(actor, run)
    return run


def require_unsealed(run: Run) -> None:
    """Raise Conflict when a model version or an evaluation cites the run, or its files were removed."""
    if run.purged_at is not None:
        raise Conflict(f"The files of run “{run.name}” were removed. Begin another run.", code="run_purged")
    if run.sealed_at is not None:
        raise Conflict(
            f"Run “{run.name}” is sealed since {run.sealed_at:%d %b %Y %H:%M} UTC: a model version or an evaluation "
            "cites it. Tags and notes may still change; for new measurements begin another run.",
            code="run_sealed",
        )


def run_create(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    name: str,
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    job_id: uuid.UUID | None = None,
    inputs: Sequence[tuple[DatasetVersion, str]] = (),
    code: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
    seed: int | None = None,
    source: str = "",
    started_at: datetime | None = None,
    status: str = Run.Status.RUNNING,
) -> Run:
    """Begin a run in an experiment that the actor sees. Raises NotFound, Forbidden, Invalid."""
    with transaction.atomic():
        experiment = Experiment.objects.visible_to(actor).filter(pk=experiment_id).first()
        if experiment is None:
            raise NotFound("There is no such experiment, or you may not see it.")
        require_verb(actor, "job.run", experiment)
        if len(name) > 250:
            raise Invalid.field("name", "At most 250 characters.")
        run = Run.objects.create(
            team_id=experiment.team_id,
            experiment=experiment,
            name=name,
            status=status,
            job_id=job_id,
            source=source,
            code=code or {},
            environment=environment or {},
            seed=seed,
            started_at=started_at or timezone.now(),
            params={key: str(value) for key, value in (params or {}).items()},
            tags=tags or {},
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        for version, role in inputs:
            _input_add(run, version, role)
        audit_record(actor=actor, action="run.create", thing=run, problem_id=experiment.problem_id)
    return run


def _input_add(run: Run, version: DatasetVersion, role: str) -> None:
    RunInput.objects.create(run=run, dataset_version=version, role=role)
    edge_add(subject=run, relation="USED", thing=version, team_id=run.team_id)


def run_inputs_add(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    inputs: Sequence[tuple[DatasetVersion, str]],
    external: Sequence[dict[str, Any]] = (),
) -> Run:
    """Note data that the run used: versions that Fairway holds, or descriptions of what a client read elsewhere."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        require_unsealed(run)
        for version, role in inputs:
            _input_add(run, version, role)
        for description in external:
            RunInput.objects.create(run=run, role=str(description.get("role", "")), external=description)
    return run


def run_update(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    status: str | None = None,
    name: str | None = None,
    ended_at: datetime | None = None,
) -> Run:
    """Change status, name or end, as clients do."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        require_unsealed(run)
        before = {"status": run.status, "name": run.name}
        if name is not None:
            if not name.strip() or len(name) > 250:
                raise Invalid.field("run_name", "Give a name of 1 to 250 characters.")
            run.name = name
        if status is not None:
            if status not in Run.Status.values:
                raise Invalid.field("status", f"One of {', '.join(Run.Status.values)}.")
            run.status = status
            if status == Run.Status.RUNNING:
                run.ended_at = None
        if ended_at is not None:
            run.ended_at = ended_at
        run.row_version += 1
        run.save(update_fields=["name", "status", "ended_at", "row_version"])
        after = {"status": run.status, "name": run.name}
        if before != after:
            audit_record(actor=actor, action="run.update", thing=run, before=before, after=after)
    return run


def run_finish(*, actor: Actor, run_id: uuid.UUID, status: str) -> Run:
    """End a run; one that has ended already stays as it is."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        if run.sealed_at is None and run.status in (Run.Status.RUNNING, Run.Status.SCHEDULED):
            run.status = status
            run.ended_at = timezone.now()
            run.save(update_fields=["status", "ended_at"])
            audit_record(actor=actor, action="run.finish", thing=run, after={"status": status})
        elif run.sealed_at is None and run.ended_at is None:
            run.ended_at = timezone.now()
            run.save(update_fields=["ended_at"])
    return run


def run_job_set(*, run_id: uuid.UUID, job_id: uuid.UUID) -> None:
    """Note the job that writes a run, in the transaction that made both."""
    Run.objects.filter(pk=run_id, sealed_at__isnull=True).update(job_id=job_id)


def run_seal(*, run_id: uuid.UUID) -> None:
    """Seal a run because something cites it. Called by the rooms above, in their transaction."""
    Run.objects.filter(pk=run_id, sealed_at__isnull=True).update(sealed_at=timezone.now())


def run_notes_save(*, actor: Actor, run_id: uuid.UUID, notes: str, row_version: int | None = None) -> Run:
    """Notes may change at any time, also on a sealed run. Raises Conflict (code "stale") for an older `row_version`."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        row_version_check(run, row_version)
        if run.notes != notes:
            before = run.notes
            run.notes = notes
            run.row_version += 1
            run.save(update_fields=["notes", "row_version"])
            audit_record(actor=actor, action="run.notes", thing=run, before={"notes": before}, after={"notes": notes})
    return run


def run_archive(*, actor: Actor, run_id: uuid.UUID, archived: bool = True) -> Run:
    """MLflow's delete and restore: the run leaves the lists, nothing is lost."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        if (run.deleted_at is not None) != archived:
            run.deleted_at = timezone.now() if archived else None
            run.save(update_fields=["deleted_at"])
            audit_record(actor=actor, action="run.archive" if archived else "run.restore", thing=run)
    return run
