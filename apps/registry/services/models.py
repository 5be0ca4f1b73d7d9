"""Registered models."""

from __future__ import annotations

import uuid
from typing import Any

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
from apps.registry.services import telling

NAME_LIMIT = 256
TAGS_COUNT = 1000
TAGS_LENGTH = 1_000_000
TAG_TOLD = 200


def model_lock(actor: Actor, model_id: uuid.UUID) -> Model:
    """The model, locked. Raises NotFound, Forbidden."""
    model: Model | None = Model.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=model_id).first()
    if model is None:
        raise NotFound("There is no such model, or you may not see it.")
    require_verb(actor, "model.register", model)
    return model


def _name_clean(name: str) -> str:
    """By MLflow's rules, so that its clients can name every model, as in `models:/<name>/<version>`."""
    name = name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    if "/" in name or ":" in name:
        raise Invalid.field("name", "A model's name has no “/” and no “:”, which part the words of its address.")
    if name == "." or name.startswith(".."):
        raise Invalid.field("name", "A model's name is not “.” and does not begin with “..”: it would read as a path.")
    return name


def model_name_fit(name: str) -> str:
    """The name of something else, such as a problem, as one that a model may have: “-” for “/” and “:”."""
    fit = name.strip().replace("/", "-").replace(":", "-")
    return f"model {fit}"[:NAME_LIMIT] if fit == "." or fit.startswith("..") else fit


def tags_merge(held: dict[str, str], tags: dict[str, str]) -> dict[str, str]:
    """The tags with those given. Raises Invalid when they become too many or too long together."""
    merged = {**held, **tags}
    if len(merged) > TAGS_COUNT or sum(len(key) + len(value) for key, value in merged.items()) > TAGS_LENGTH:
        raise Invalid.field(
            "tags", f"Keep to {TAGS_COUNT} tags and {TAGS_LENGTH:,} characters in all of them together."
        )
    return merged


def tags_told(tags: dict[str, str]) -> dict[str, str]:
    """Tags as the audit trail keeps them: the beginning of each says what it was."""
    return {key: value[:TAG_TOLD] for key, value in tags.items()}


def _register_check(actor: Actor, team_id: uuid.UUID, problem_id: uuid.UUID | None) -> None:
    require(
        policies.model_register(actor, team_id),
        f"Registering a model takes the right “model.register” in the team: {who_can('model.register')} has it.",
    )
    if problem_id is not None and problems.problem_get(actor, problem_id).team_id != team_id:
        raise NotFound("There is no such problem in this team.")


def model_create(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    description: str = "",
    tags: dict[str, str] | None = None,
    problem_id: uuid.UUID | None = None,
    task: str = "",
) -> Model:
    """Register a model. Raises NotFound, Forbidden, Invalid, and Conflict when the team has that name."""
    name = _name_clean(name)
    _register_check(actor, team_id, problem_id)
    with transaction.atomic():
        try:
            with transaction.atomic():
                model = Model.objects.create(
                    team_id=team_id,
                    name=name,
                    description=description,
                    tags=tags_merge({}, tags or {}),
                    problem_id=problem_id,
                    task=task,
                    created_by_id=actor.id if actor.is_person else None,
                    created_by_label=actor.label,
                )
        except IntegrityError as error:
            raise Conflict(f"The team has a model named “{name}” already.", code="name_taken") from error
        audit_record(actor=actor, action="model.create", thing=model, problem_id=problem_id)
        telling.model_created(model)
    return model


def model_get_or_create(
    *, actor: Actor, team_id: uuid.UUID, name: str, problem_id: uuid.UUID | None = None, task: str = ""
) -> Model:
    """The team's model of that name, registered when there is none.

    Raises NotFound, Forbidden, Invalid, and Conflict when the model belongs to another problem.
    """
    name = _name_clean(name)
    _register_check(actor, team_id, problem_id)
    with transaction.atomic():
        named = Model.objects.filter(team_id=team_id, name__iexact=name, archived_at__isnull=True)
        found: Model | None = named.select_for_update(of=("self",)).first()
        if found is None:
            try:
                return model_create(actor=actor, team_id=team_id, name=name, problem_id=problem_id, task=task)
            except Conflict:
                found = named.select_for_update(of=("self",)).get()
        if problem_id is not None and found.problem_id != problem_id:
            problem_give(actor, found, problem_id)
    return found


def model_attach(*, actor: Actor, model_id: uuid.UUID, problem_id: uuid.UUID) -> Model:
    """Say which problem of the team a model that has none serves: evaluations and approvals ask for it.

    Raises NotFound, Forbidden, and Conflict when the model belongs to another problem.
    """
    with transaction.atomic():
        model = model_lock(actor, model_id)
        _register_check(actor, model.team_id, problem_id)
        if model.problem_id != problem_id:
            problem_give(actor, model, problem_id)
    return model


def problem_give(actor: Actor, model: Model, problem_id: uuid.UUID) -> None:
    """Give a locked model its problem, in the transaction of the caller. Raises Conflict when it has another."""
    if model.problem_id is not None:
        raise Conflict(f"The model “{model}” belongs to another problem.", code="model_of_other_problem")
    model.problem_id = problem_id
    model.save(update_fields=["problem_id"])
    audit_record(actor=actor, action="model.attach", thing=model, problem_id=problem_id)


def row_version_check(thing: Model | ModelVersion, row_version: int | None) -> None:
    """Raise Conflict (code "stale") when the caller saw an older state of the row."""
    if row_version is not None and row_version != thing.row_version:
        raise Conflict(
            "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
            code="stale",
            items=[{"row_version": thing.row_version, "given": row_version}],
        )


def model_update(
    *,
    actor: Actor,
    model_id: uuid.UUID,
    name: str | None = None,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    row_version: int | None = None,
) -> Model:
    """Change what is given: the name, the description; `tags` are added to those it has.

    Raises NotFound, Forbidden, Invalid, and Conflict for a name that is taken or (code "stale") an older `row_version`.
    """
    with transaction.atomic():
        model = model_lock(actor, model_id)
        row_version_check(model, row_version)
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        if name is not None and _name_clean(name) != model.name:
            before["name"], after["name"] = model.name, _name_clean(name)
            model.name = after["name"]
        if description is not None and description != model.description:
            before["description"], after["description"] = model.description, description
            model.description = description
        if tags is not None and not tags.items() <= model.tags.items():
            before["tags"] = tags_told({key: model.tags[key] for key in tags if key in model.tags})
            after["tags"] = tags_told(tags)
            model.tags = tags_merge(model.tags, tags)
        if after:
            _changed_save(model, "name", "description", "tags")
            audit_record(actor=actor, action="model.update", thing=model, before=before, after=after)
    return model


def _changed_save(model: Model, *fields: str) -> None:
    model.row_version += 1
    model.updated_at = timezone.now()
    try:
        with transaction.atomic():
            model.save(update_fields=[*fields, "row_version", "updated_at"])
    except IntegrityError as error:
        raise Conflict(f"The team has a model named “{model.name}” already.", code="name_taken") from error


def model_tag_delete(*, actor: Actor, model_id: uuid.UUID, key: str) -> bool:
    """Remove a tag; False when there was none. Raises NotFound, Forbidden."""
    with transaction.atomic():
        model = model_lock(actor, model_id)
        if key not in model.tags:
            return False
        before = {"tags": tags_told({key: model.tags[key]})}
        model.tags = {held: value for held, value in model.tags.items() if held != key}
        _changed_save(model, "tags")
        audit_record(actor=actor, action="model.update", thing=model, before=before, after={"tags": {}})
        return True


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
