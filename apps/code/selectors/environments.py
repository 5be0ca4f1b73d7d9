"""Reading environments."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet

from apps.code.contracts import environment_uses
from apps.code.models import Environment
from apps.code.own import OwnEnvironment, own_environment
from apps.core.actors import Actor
from apps.core.build import build
from apps.core.errors import NotFound


def environment_list(actor: Actor, *, team_id: uuid.UUID | None = None) -> QuerySet[Environment]:
    """Environments without their locks; the caller sorts."""
    rows: QuerySet[Environment] = Environment.objects.visible_to(actor).defer("lock")
    return rows if team_id is None else rows.filter(team_id=team_id)


def environment_get(actor: Actor, pk: uuid.UUID) -> Environment:
    """One environment. Raises NotFound."""
    found: Environment | None = Environment.objects.visible_to(actor).select_related("team").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such environment, or you may not see it.")
    return found


def removal_preview(actor: Actor, pk: uuid.UUID) -> dict[str, Any]:
    """What removing an environment would free, and what keeps it: {"allowed", "bytes", "runs", "kept_by"}."""
    environment = environment_get(actor, pk)
    uses = environment_uses([environment.pk])[environment.pk]
    return {
        "allowed": environment.state in (Environment.State.READY, Environment.State.FAILED) and not uses.keepers,
        "bytes": environment.archive_size or 0,
        "runs": uses.runs,
        "kept_by": [one.label for one in uses.keepers],
    }


def environment_told(environment: Environment | None) -> dict[str, Any]:
    """What a run notes of the environment that it ran in; None is this installation's own."""
    if environment is None:
        own = own_environment()
        return {
            "name": "Fairway's own",
            "python": build().python,
            "platform": own.platform,
            "lock_digest": build().lock_digest,
            "digest": own.digest,
        }
    return {
        "name": environment.name,
        "python": environment.python,
        "platform": environment.platform,
        "lock_digest": environment.digest,
        "digest": environment.digest,
        "environment": str(environment.pk),
    }


def environment_own() -> OwnEnvironment:
    """This installation's own environment."""
    return own_environment()
