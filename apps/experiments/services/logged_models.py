"""Models that a run logged (MLflow's LoggedModel)."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor, ActorKind
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.policies import require_verb
from apps.experiments.models import Experiment, LoggedModel
from apps.experiments.policies import require_run_write
from apps.experiments.services.runs import require_active, require_unsealed, run_lock

NO_MODEL = "There is no such logged model, or you may not see it."


def logged_model_lock(actor: Actor, logged_model_id: uuid.UUID) -> LoggedModel:
    """The logged model, locked for writing. Raises NotFound, Forbidden."""
    model: LoggedModel | None = (
        LoggedModel.objects.visible_to(actor)
        .select_related("source_run", "experiment")
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=logged_model_id, archived_at__isnull=True)
        .first()
    )
    if model is None:
        raise NotFound(NO_MODEL)
    if model.source_run is not None:
        require_run_write(actor, model.source_run)
    else:
        require_verb(actor, "job.run", model)
    return model


def require_model_unsealed(model: LoggedModel) -> None:
    """Raise Conflict when a version cites the model, or its run is sealed or was purged."""
    if model.source_run is not None:
        require_unsealed(model.source_run)
    if model.sealed_at is not None:
        raise Conflict(
            f"Logged model “{model.name}” is sealed since {model.sealed_at:%d %b %Y %H:%M} UTC: a registered version "
            "cites it. Its tags may still change; for other files log another model.",
            code="model_sealed",
        )


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
            require_active(run)
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
        if experiment.archived_at is not None:
            raise Invalid(
                f"The experiment {experiment.number} must be in the 'active' state. Current state is deleted."
            )
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
    """Say that all files came, or that the upload failed. Raises NotFound, Forbidden, Invalid, Conflict."""
    if status not in LoggedModel.Status.values:
        raise Invalid.field("status", f"One of {', '.join(LoggedModel.Status.values)}.")
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        if model.status != status:
            require_model_unsealed(model)
            model.status = status
            model.updated_at = timezone.now()
            model.save(update_fields=["status", "updated_at"])
    return model


def logged_model_params_log(*, actor: Actor, logged_model_id: uuid.UUID, params: dict[str, str]) -> LoggedModel:
    """Add params; the same value again is fine, another is refused. Raises NotFound, Forbidden, Invalid, Conflict."""
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        for key, value in params.items():
            if model.params.get(key, value) != value:
                raise Invalid.field("params", f"Params do not change: “{key}” was logged as {model.params[key]!r}.")
        if not params.items() <= model.params.items():
            require_model_unsealed(model)
            model.params = {**model.params, **params}
            model.updated_at = timezone.now()
            model.save(update_fields=["params", "updated_at"])
    return model


def logged_model_tags_set(*, actor: Actor, logged_model_id: uuid.UUID, tags: dict[str, str]) -> LoggedModel:
    """Set tags of a logged model; they may change, also on a sealed one."""
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        model.tags = {**model.tags, **{k: str(v)[:8000] for k, v in tags.items()}}
        model.save(update_fields=["tags"])
    return model


def logged_model_tag_delete(*, actor: Actor, logged_model_id: uuid.UUID, key: str) -> bool:
    """Remove a tag; False when there was none."""
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        if key not in model.tags:
            return False
        model.tags = {k: v for k, v in model.tags.items() if k != key}
        model.save(update_fields=["tags"])
        return True


def logged_model_archive(*, actor: Actor, logged_model_id: uuid.UUID) -> LoggedModel:
    """MLflow's delete: the model leaves the lists, nothing is lost, and versions of it stay whole."""
    with transaction.atomic():
        model = logged_model_lock(actor, logged_model_id)
        model.archived_at = timezone.now()
        model.save(update_fields=["archived_at"])
        audit_record(actor=actor, action="logged_model.archive", thing=model)
    return model


def logged_model_seal(*, logged_model_id: uuid.UUID) -> None:
    """Seal files and params because a version cites the model. Called by the rooms above, in their transaction."""
    LoggedModel.objects.filter(pk=logged_model_id, sealed_at__isnull=True).update(sealed_at=timezone.now())
