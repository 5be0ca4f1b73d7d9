"""Runs that were made on another server, with their ids, times and marks.

An import is one entry of the audit trail for each experiment that it writes to; the runs are data under it, as
measurements are (invariant I33). Whatever was written stays when an import ends half-way, and a second call goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require_verb
from apps.experiments.contracts import RunCopy
from apps.experiments.models import Experiment, LoggedModel, Run
from apps.experiments.services.calls import NAME_LIMIT
from apps.experiments.services.experiments import experiment_create, experiment_lock
from apps.experiments.services.measurements import MetricPoint, run_batch_log
from apps.experiments.services.runs import run_inputs_add, run_lock

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion

_BATCH = 10_000
_GOING_ON = (Run.Status.RUNNING, Run.Status.SCHEDULED)


def experiment_import(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    tags: dict[str, str],
    created_at: datetime | None,
    source: str,
) -> Experiment:
    """Open an experiment for the runs of another server's.

    Raises NotFound, Forbidden, Invalid, and Conflict when the team has that name.
    """
    with transaction.atomic():
        experiment = experiment_create(actor=actor, team_id=team_id, name=name, tags=tags)
        if created_at is not None:
            Experiment.objects.filter(pk=experiment.pk).update(created_at=created_at)
        experiment_import_note(actor=actor, experiment_id=experiment.pk, source=source)
    return experiment


def experiment_import_note(*, actor: Actor, experiment_id: uuid.UUID, source: str) -> None:
    """The entry of an import that adds runs to an experiment, before the first. Raises NotFound, Forbidden."""
    with transaction.atomic():
        experiment = experiment_lock(actor, experiment_id)
        audit_record(
            actor=actor,
            action="experiment.import",
            thing=experiment,
            problem_id=experiment.problem_id,
            after={"source": source},
        )


def run_import(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    run: RunCopy,
    metrics: Iterable[MetricPoint],
    known: Mapping[int, DatasetVersion] | None = None,
) -> tuple[Run, bool]:
    """Write a run with its whole history, all or nothing; (the run, whether it is new).

    `known` says of some of its data, by their place, which version of the team they are.
    A run of that id in the experiment takes what is new of one that went on when it was copied, and is else left as it
    is. Raises NotFound, Forbidden, Invalid, and Conflict (code "id_taken") when another run has the id.
    """
    if len(run.name) > NAME_LIMIT:
        raise Invalid.field("name", f"At most {NAME_LIMIT} characters.")
    with transaction.atomic():
        experiment = _experiment(actor, experiment_id)
        held, is_new = _run_row(actor, experiment, run)
        if not is_new and (held.status not in _GOING_ON or held.deleted_at is not None):
            return held, False
        points = iter(metrics)
        run_batch_log(actor=actor, run_id=held.pk, params=run.params, tags=run.tags)
        while batch := list(islice(points, _BATCH)):
            run_batch_log(actor=actor, run_id=held.pk, metrics=batch)
        run_inputs_add(actor=actor, run_id=held.pk, external=run.datasets, known=known)
        Run.objects.filter(pk=held.pk).update(status=run.status, ended_at=run.ended_at)
    return held, is_new


def _experiment(actor: Actor, experiment_id: uuid.UUID) -> Experiment:
    """The experiment, not locked: others may begin runs in it meanwhile. Raises NotFound, Forbidden."""
    experiment: Experiment | None = Experiment.objects.visible_to(actor).filter(pk=experiment_id).first()
    if experiment is None:
        raise NotFound("There is no such experiment, or you may not see it.")
    require_verb(actor, "job.run", experiment)
    return experiment


def _run_row(actor: Actor, experiment: Experiment, run: RunCopy) -> tuple[Run, bool]:
    held = Run.objects.filter(experiment=experiment, pk=run.id).first()
    if held is not None:
        return held, False
    try:
        with transaction.atomic():
            row = Run.objects.create(
                id=run.id,
                team_id=experiment.team_id,
                experiment=experiment,
                name=run.name,
                started_at=run.started_at,
                user_name=run.user_name[:256],
                notes=run.notes,
                code=dict(run.code),
                created_by_id=actor.id if actor.is_person else None,
                created_by_label=actor.label,
            )
    except IntegrityError as error:
        raise Conflict("Another run has this id.", code="id_taken") from error
    return row, True


def logged_model_import(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    model_id: uuid.UUID,
    name: str,
    model_type: str,
    run_id: uuid.UUID | None,
    params: dict[str, str],
    tags: dict[str, str],
) -> LoggedModel:
    """Announce a model of another server before its files come, by its own id; one that is here is given as it is.

    Raises NotFound, Forbidden, Invalid, and Conflict (code "id_taken") when another model has the id.
    """
    if not name or len(name) > NAME_LIMIT:
        raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    with transaction.atomic():
        experiment = _experiment(actor, experiment_id)
        held: LoggedModel | None = LoggedModel.objects.filter(experiment=experiment, pk=model_id).first()
        if held is not None:
            return held
        run = run_lock(actor, run_id) if run_id is not None else None
        if run is not None and run.experiment_id != experiment.pk:
            raise Invalid.field("run_id", "The run belongs to another experiment.")
        try:
            with transaction.atomic():
                model: LoggedModel = LoggedModel.objects.create(
                    id=model_id,
                    team_id=experiment.team_id,
                    experiment=experiment,
                    source_run=run,
                    name=name,
                    model_type=model_type,
                    params=params,
                    tags=tags,
                    created_by_id=actor.id if actor.is_person else None,
                    created_by_label=actor.label,
                )
        except IntegrityError as error:
            raise Conflict("Another logged model has this id.", code="id_taken") from error
    return model


def experiment_import_end(
    *, actor: Actor, experiment_id: uuid.UUID, deleted_runs: Sequence[uuid.UUID] = (), deleted: bool = False
) -> None:
    """Take out of the lists what the other server had taken out, once all is copied: the experiment with its runs, or
    some runs. Raises NotFound, Forbidden."""
    with transaction.atomic():
        experiment = experiment_lock(actor, experiment_id)
        active = Run.objects.filter(experiment=experiment, deleted_at__isnull=True)
        now = timezone.now()
        if not deleted:
            active.filter(pk__in=deleted_runs).update(deleted_at=now)
        elif experiment.archived_at is None:
            experiment.archived_at = now
            experiment.save(update_fields=["archived_at"])
            # The same moment, as of `experiment_archive`: restoring the experiment brings them back.
            active.update(deleted_at=now)
