"""Models that a run logged (MLflow's LoggedModel)."""

from __future__ import annotations

import uuid

from django.db import transaction

from apps.core.actors import Actor, ActorKind
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.core.policies import require_verb
from apps.experiments.models import Experiment, LoggedModel
from apps.experiments.policies import require_run_write
from apps.experiments.services.runs import require_unsealed, run_lock


def logged_model_lock(actor: Actor, logged_model_id: uuid.UUID) -> LoggedModel:
    """The logged model, locked for writing. Raises NotFound, Forbidden, and Conflict when its run is sealed."""
    model: LoggedModel | None = (
        LoggedModel.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=logged_model_id).first()
    )
    if model is None:
        raise NotFound("There is no such logged model, or you may not see it.")
    if model.source_run is not None:
        require_run_write(actor, model.source_run)
        require_unsealed(model.source_run)
    else:
        require_verb(actor, "job.run", model)
    return model


def logged_model_create(
    *,
    actor: Actor,
    experiment_number: int,
    name: str,
    source_run_id: uuid.UUID | None = None,
    model_type: str = "",
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> LoggedModel:
    """Announce a model before its files come. Raises NotFound, Forbidden, Invalid, Conflict."""
    if not name or len(name) > 250:
        raise Invalid.field("name", "Give a name of 1 to 250 characters.")
    with transaction.atomic():
        if source_run_id is not None:
            run = run_lock(actor, source_run_id)
            require_unsealed(run)
            experiment = run.experiment
            if experiment.number != experiment_number:
                raise Invalid.field("experiment_id", "The run belongs to another experiment.")
        else:
            if actor.kind is ActorKind.RUN:
                raise Forbidden("A job logs models to its own run only.")
            found = Experiment.objects.visible_to(actor).filter(number=experiment_number).first()
            if found is None:
                raise NotFound("There is no such experiment, or you may not see it.")
            experiment, run = found, None
            require_verb(actor, "job.run", experiment)
        return LoggedModel.objects.create(
            team_id=experiment.team_id,
            experiment=experiment,
            source_run=run,
            name=name,
            model_type=model_type,
            params=params or {},
            tags=tags or {},
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )


def logged_model_finalize(*, actor: Actor, logged_model_id: uuid.UUID, status: str) -> LoggedModel:
    """Say that all files came, or that the upload failed."""
    if status not in LoggedModel.Status.values:
        raise Invalid.field("status", f"One of {', '.join(LoggedModel.Status.values)}.")
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        model.status = status
        model.save(update_fields=["status"])
    return model


def logged_model_tags_set(*, actor: Actor, logged_model_id: uuid.UUID, tags: dict[str, str]) -> LoggedModel:
    """Set tags of a logged model."""
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        model.tags = {**model.tags, **{k: str(v)[:8000] for k, v in tags.items()}}
        model.save(update_fields=["tags"])
    return model
