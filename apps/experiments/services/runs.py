"""Runs: begin, end, cite."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require_verb
from apps.datasets import services as datasets
from apps.experiments.models import Experiment, LoggedModel, Run, RunInput, RunModel
from apps.experiments.policies import require_run_write
from apps.experiments.services.calls import NAME_LIMIT, USER_LIMIT, run_change
from apps.experiments.services.locking import row_version_check
from apps.lineage.services import edge_add

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion


NO_RUN = "There is no such run, or you may not see it."
# As what clients say that a run read the data that its model was trained on.
TRAINING_CONTEXTS = ("", "train", "training")
_STATUSES = frozenset(Run.Status.values)
_OVER = (Run.Status.FINISHED, Run.Status.FAILED, Run.Status.KILLED)


def run_lock(actor: Actor, run_id: uuid.UUID) -> Run:
    """The run, locked for writing. Raises NotFound, Forbidden."""
    rows = Run.objects.visible_to(actor).select_related("experiment")
    run: Run | None = rows.select_for_update(of=("self",), no_key=True).filter(pk=run_id).first()
    if run is None:
        raise NotFound(NO_RUN)
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


def require_active(run: Run) -> None:
    """Raise Invalid (as MLflow's clients expect) when the run was deleted."""
    if run.deleted_at is not None:
        raise Invalid(
            f"The run {run.pk.hex} must be in the 'active' state. Current state is deleted. Restore it first.",
            code="run_deleted",
        )


def name_check(name: str) -> None:
    """Raise Invalid unless it can be the name of a run."""
    if not name.strip() or len(name) > NAME_LIMIT:
        raise Invalid.field("run_name", f"Give a name of 1 to {NAME_LIMIT} characters.")


def run_create(
    *,
    actor: Actor,
    experiment: Experiment | uuid.UUID,
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
    user_name: str = "",
    notes: str = "",
) -> Run:
    """Begin a run in an experiment that the actor sees; of one that was just read so, the row may be given.

    Raises NotFound, Forbidden, and Invalid for a name too long or an archived experiment.
    """
    with transaction.atomic():
        if isinstance(experiment, uuid.UUID):
            experiment = _experiment(actor, experiment)
        require_verb(actor, "job.run", experiment)
        if experiment.archived_at is not None:
            raise Invalid(
                f"The experiment {experiment.number} must be in the 'active' state. Current state is deleted. "
                "Restore it first.",
                code="experiment_deleted",
            )
        if len(name) > NAME_LIMIT:
            raise Invalid.field("name", f"At most {NAME_LIMIT} characters.")
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
            user_name=user_name[:USER_LIMIT],
            notes=notes,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        for version, role in inputs:
            _input_add(run, version, role)
        audit_record(actor=actor, action="run.create", thing=run, problem_id=experiment.problem_id)
    return run


def _experiment(actor: Actor, experiment_id: uuid.UUID) -> Experiment:
    experiment: Experiment | None = Experiment.objects.visible_to(actor).filter(pk=experiment_id).first()
    if experiment is None:
        raise NotFound("There is no such experiment, or you may not see it.")
    return experiment


def _input_add(run: Run, version: DatasetVersion, role: str) -> None:
    RunInput.objects.create(run=run, dataset_version=version, role=role)
    edge_add(subject=run, relation="USED", thing=version, team_id=run.team_id)


def run_inputs_add(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    inputs: Sequence[tuple[DatasetVersion, str]] = (),
    external: Sequence[dict[str, Any]] = (),
    known: Mapping[int, DatasetVersion] | None = None,
    read: Sequence[uuid.UUID] = (),
    written: Sequence[tuple[uuid.UUID, int]] = (),
) -> Run:
    """Note what the run used and made; a repetition changes nothing.

    `inputs` are versions that Fairway holds, `external` describes data that a client read (`RunInput`), and `known`
    says of some of these, by their place, which version of the run's team they are. `read` and `written` are logged
    models that the actor sees, the latter with their step. Raises NotFound, Forbidden,
    Invalid, Conflict.
    """
    with transaction.atomic():
        run = run_lock(actor, run_id)
        require_unsealed(run)
        require_active(run)
        for version, role in inputs:
            _input_add(run, version, role)
        _external_add(actor, run, external, known or {})
        wanted = {*read, *(pk for pk, _ in written)}
        seen = set(LoggedModel.objects.visible_to(actor).filter(pk__in=wanted).values_list("pk", flat=True))
        if wanted - seen:
            raise NotFound("One of these logged models does not exist, or you may not see it.")
        rows = [(pk, RunModel.Direction.INPUT, 0) for pk in read]
        rows += [(pk, RunModel.Direction.OUTPUT, step) for pk, step in written]
        RunModel.objects.bulk_create(
            [RunModel(run=run, logged_model_id=pk, direction=direction, step=step) for pk, direction, step in rows],
            ignore_conflicts=True,
        )
    return run


def _external_add(
    actor: Actor, run: Run, external: Sequence[dict[str, Any]], known: Mapping[int, DatasetVersion]
) -> None:
    """Descriptions of data, once for each name and digest; the run is locked."""
    if not external:
        return
    rows = RunInput.objects.filter(run=run, external__isnull=False).values_list("external__name", "external__digest")
    held = set(rows)
    for index, description in enumerate(external):
        once = (description.get("name"), description.get("digest"))
        if once in held:
            continue
        held.add(once)
        role = str(description.get("tags", {}).get("mlflow.data.context", ""))[:40]
        version = known.get(index)
        if version is not None and version.team_id == run.team_id:
            datasets.version_cite(actor=actor, version_id=version.pk)
            edge_add(subject=run, relation="USED", thing=version, team_id=run.team_id)
        else:
            version = None
        # What a model is made from are the inputs with a version: data that it was only judged on is none.
        trained_on = version if role in TRAINING_CONTEXTS else None
        RunInput.objects.create(run=run, role=role, external=description, dataset_version=trained_on)


def run_update(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    status: str | None = None,
    name: str | None = None,
    ended_at: datetime | None = None,
) -> Run:
    """Change status, name or end, as clients do. A run that a version cites is sealed when it ends.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    if name is not None:
        name_check(name)
    if status is not None and status not in _STATUSES:
        raise Invalid.field("status", f"One of {', '.join(Run.Status.values)}.")
    changed = run_change(actor=actor, run_id=run_id, status=status, name=name, ended_at=ended_at)
    if changed is not None:
        return changed
    with transaction.atomic():
        run = run_lock(actor, run_id)
        if run.sealed_at is not None and status in (None, run.status) and name in (None, run.name):
            return run  # a client that ends its run once more
        require_unsealed(run)
        require_active(run)
        before = {"status": run.status, "name": run.name}
        if name is not None:
            run.name = name
        if status is not None:
            run.status = status
            if status == Run.Status.RUNNING:
                run.ended_at = None
        if ended_at is not None:
            run.ended_at = ended_at
        if run.cited_at is not None and run.status in _OVER:
            run.sealed_at = timezone.now()
        run.row_version += 1
        run.save(update_fields=["name", "status", "ended_at", "sealed_at", "row_version"])
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
            if run.cited_at is not None:
                run.sealed_at = run.ended_at
            run.save(update_fields=["status", "ended_at", "sealed_at"])
            audit_record(actor=actor, action="run.finish", thing=run, after={"status": status})
        elif run.sealed_at is None and run.ended_at is None:
            run.ended_at = timezone.now()
            run.save(update_fields=["ended_at"])
    return run


def run_job_set(*, run_id: uuid.UUID, job_id: uuid.UUID) -> None:
    """Note the job that writes a run, in the transaction that made both."""
    Run.objects.filter(pk=run_id, sealed_at__isnull=True).update(job_id=job_id)


def run_seal(*, run_id: uuid.UUID, at_end: bool = False) -> None:
    """Seal a run because something cites it. Called by the rooms above, in their transaction.

    With `at_end`, a run of a client that still runs is noted as cited and sealed when it ends: a script registers its
    model in the midst of its run, and then logs its last measurements. What is cited, the model's files, never changes.
    """
    rows = Run.objects.filter(pk=run_id, sealed_at__isnull=True)
    if at_end:
        rows.filter(status=Run.Status.RUNNING, job_id__isnull=True, cited_at__isnull=True).update(
            cited_at=timezone.now()
        )
        rows = rows.exclude(status=Run.Status.RUNNING, job_id__isnull=True)
    rows.update(sealed_at=timezone.now())


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
