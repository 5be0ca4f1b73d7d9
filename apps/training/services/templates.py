"""Templates: launches to be repeated, under a name."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.code import selectors as code
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.jobs import policies as job_policies
from apps.jobs.contracts import PRIORITIES
from apps.training import policies
from apps.training.models import CodeLaunch, LaunchTemplate
from apps.training.services.code_launching import code_choose, code_launch


def template_save(
    *,
    actor: Actor,
    name: str,
    bundle_id: uuid.UUID,
    description: str = "",
    entry: str = "",
    command: str = "",
    params: dict[str, Any] | None = None,
    seed: int = 0,
    problem_id: uuid.UUID | None = None,
    environment: str = "lock",
    target_id: uuid.UUID | None = None,
    checkpoint: str | None = None,
    priority: str = "normal",
) -> LaunchTemplate:
    """Keep what a launch says, checked as that checks it. Raises as `code_launch`, and Conflict for a name in use."""
    choice = code_choose(
        actor=actor,
        bundle_id=bundle_id,
        entry=entry,
        command=command,
        params=params,
        seed=seed,
        problem_id=problem_id,
        environment=environment,
        target_id=target_id,
        checkpoint=checkpoint,
    )
    if priority not in PRIORITIES:
        raise Invalid.field("priority", f"There is no priority {priority!r}; choose one of {', '.join(PRIORITIES)}.")
    name = name.strip()
    if not 0 < len(name) <= 120:
        raise Invalid.field("name", "Give a name of 1 to 120 characters.")
    try:
        with transaction.atomic():
            template = LaunchTemplate.objects.create(
                team_id=choice.bundle.team_id,
                name=name,
                description=description.strip()[:500],
                bundle=choice.bundle,
                entry=choice.entry.id if choice.entry else "",
                command=command.strip(),
                params=choice.values,
                seed=choice.seed,
                problem=choice.problem,
                environment=environment,
                target_id=choice.target_id,
                checkpoint=choice.checkpoint,
                priority=priority,
                created_by_id=actor.id if actor.is_person else None,
                created_by_label=actor.label,
            )
            audit_record(actor=actor, action="template.save", thing=template, after={"bundle": str(choice.bundle)})
    except IntegrityError as error:
        raise Conflict(f"The team has a template called “{name}”. Choose another name.", code="name_taken") from error
    return template


def _get(actor: Actor, template_id: uuid.UUID, *, lock: bool = False) -> LaunchTemplate:
    rows = LaunchTemplate.objects.visible_to(actor).filter(pk=template_id, archived_at__isnull=True)
    found: LaunchTemplate | None = (rows.select_for_update(of=("self",)) if lock else rows).first()
    if found is None:
        raise NotFound("There is no such template, or you may not see it.")
    return found


def template_remove(*, actor: Actor, template_id: uuid.UUID) -> None:
    """Put a template away; what was launched from it stays. Raises NotFound, Forbidden."""
    with transaction.atomic():
        template = _get(actor, template_id, lock=True)
        require(
            policies.code_launch(actor, template.team_id),
            "Removing a template takes the right to run jobs in the team: a data scientist or an operator has it.",
        )
        template.archived_at = timezone.now()
        template.row_version += 1
        template.save(update_fields=["archived_at", "row_version"])
        audit_record(actor=actor, action="template.remove", thing=template)


def template_launch(
    *,
    actor: Actor,
    template_id: uuid.UUID,
    params: dict[str, Any] | None = None,
    seed: int | None = None,
    name: str = "",
    idempotency_key: str = "",
    bundle_id: uuid.UUID | None = None,
    tags: dict[str, str] | None = None,
) -> CodeLaunch:
    """Launch what a template says, with some parameters changed, or with another bundle. Raises as `code_launch`.

    A priority that the actor may no longer give is lowered to the usual one.
    """
    template = _get(actor, template_id)
    return code_launch(
        actor=actor,
        bundle_id=bundle_id or template.bundle_id,
        entry=template.entry,
        command=template.command,
        params={**template.params, **(params or {})} if template.entry else params,
        seed=template.seed if seed is None else seed,
        name=name or template.name,
        problem_id=template.problem_id,
        environment=template.environment,
        target_id=template.target_id,
        checkpoint=template.checkpoint,
        priority=_priority(actor, template),
        idempotency_key=idempotency_key,
        tags=tags,
    )


def _priority(actor: Actor, template: LaunchTemplate) -> str:
    kind = "train" if template.entry else "command"
    may = job_policies.can_prioritise(actor, template.team_id, kind, PRIORITIES[template.priority])
    return template.priority if may else "normal"


def template_inputs(actor: Actor, template: LaunchTemplate, version_id: uuid.UUID) -> dict[str, Any]:
    """The template's inputs that are versions of the same dataset as this one, to be launched with it instead."""
    entry = code.entry_find(template.bundle, template.entry) if template.entry else None
    dataset_id = datasets.dataset_version_get(actor, version_id).dataset_id
    found: dict[str, Any] = {}
    for name, one in entry.schema["properties"].items() if entry is not None else ():
        if one.get("format") != "dataset" or name not in template.params:
            continue
        try:
            held = datasets.dataset_version_get(actor, uuid.UUID(str(template.params[name])))
        except (NotFound, ValueError):
            continue
        if held.dataset_id == dataset_id:
            found[name] = str(version_id)
    return found
