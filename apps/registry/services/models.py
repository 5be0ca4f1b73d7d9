"""Registered models."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require, require_verb, who_can
from apps.problems import selectors as problems
from apps.registry import policies
from apps.registry.contracts import live_version_id
from apps.registry.models import Model, ModelVersion

NAME_LIMIT = 256


def model_lock(actor: Actor, model_id: uuid.UUID) -> Model:
    """The model, locked. Raises NotFound, Forbidden."""
    model: Model | None = Model.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=model_id).first()
    if model is None:
        raise NotFound("There is no such model, or you may not see it.")
    require_verb(actor, "model.register", model)
    return model


def model_get_or_create(
    *, actor: Actor, team_id: uuid.UUID, name: str, problem_id: uuid.UUID | None = None, task: str = ""
) -> Model:
    """The team's model of that name, registered when there is none.

    Raises Forbidden, Invalid, and Conflict when the model belongs to another problem.
    """
    name = name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    require(
        policies.model_register(actor, team_id),
        f"Registering a model takes the right “model.register” in the team: {who_can('model.register')} has it.",
    )
    if problem_id is not None and problems.problem_get(actor, problem_id).team_id != team_id:
        raise NotFound("There is no such problem in this team.")
    with transaction.atomic():
        named = Model.objects.filter(team_id=team_id, name__iexact=name, archived_at__isnull=True)
        found = named.select_for_update(of=("self",)).first()
        if found is None:
            try:
                with transaction.atomic():
                    found = Model.objects.create(
                        team_id=team_id,
                        name=name,
                        problem_id=problem_id,
                        task=task,
                        created_by_id=actor.id if actor.is_person else None,
                        created_by_label=actor.label,
                    )
                audit_record(actor=actor, action="model.create", thing=found, problem_id=problem_id)
            except IntegrityError:
                found = named.select_for_update(of=("self",)).get()
        if problem_id is not None and found.problem_id != problem_id:
            if found.problem_id is not None:
                raise Conflict(f"The model “{found}” belongs to another problem.", code="model_of_other_problem")
            found.problem_id = problem_id
            found.save(update_fields=["problem_id"])
            audit_record(actor=actor, action="model.attach", thing=found, problem_id=problem_id)
    return found


def row_version_check(thing: Model | ModelVersion, row_version: int | None) -> None:
    """Raise Conflict (code "stale") when the caller saw an older state of the row."""
    if row_version is not None and row_version != thing.row_version:
        raise Conflict(
            "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
            code="stale",
            items=[{"row_version": thing.row_version, "given": row_version}],
        )


def model_update(*, actor: Actor, model_id: uuid.UUID, description: str, row_version: int | None = None) -> Model:
    """Change the description. Raises NotFound, Forbidden, and Conflict (code "stale") for an older `row_version`."""
    with transaction.atomic():
        model = model_lock(actor, model_id)
        row_version_check(model, row_version)
        if model.description != description:
            before = {"description": model.description}
            model.description = description
            model.row_version += 1
            model.save(update_fields=["description", "row_version"])
            audit_record(
                actor=actor, action="model.update", thing=model, before=before, after={"description": description}
            )
    return model


def model_archive(*, actor: Actor, model_id: uuid.UUID, archived: bool = True) -> Model:
    """Take a model out of the lists, which frees its name, or put it back.

    Raises NotFound, Forbidden, and Conflict while a version is live, or when the name is taken by now.
    """
    with transaction.atomic():
        model = model_lock(actor, model_id)
        if archived and live_version_id(model.pk) is not None:
            raise Conflict("A version of this model is live. Retire its deployment first.", code="model_live")
        if (model.archived_at is not None) != archived:
            model.archived_at = timezone.now() if archived else None
            try:
                with transaction.atomic():
                    model.save(update_fields=["archived_at"])
            except IntegrityError as error:
                raise Conflict(
                    f"The team has another model named “{model}” by now. Rename that one first.", code="name_taken"
                ) from error
            audit_record(actor=actor, action="model.archive" if archived else "model.restore", thing=model)
    return model
