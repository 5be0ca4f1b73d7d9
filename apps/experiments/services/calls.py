"""What clients do with runs all day, as one call of the database each (`experiments_run_begin` and `_change`, migration
0013), with its audit entry.

A function writes nothing where anything stands against it; the caller then goes the ordinary way, which says what.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.accounts.selectors import row_proven
from apps.audit.services import audit_who
from apps.core.actors import Actor, ActorKind
from apps.core.ids import id_new
from apps.core.quick_json import json_text
from apps.experiments.models import Experiment, Run

NAME_LIMIT, USER_LIMIT = 250, 256

_BEGIN = """
SELECT experiment, team FROM experiments_run_begin(
  %s, %s, %s::uuid[], %s, %s, %s, %s::jsonb, %s, %s::jsonb, %s, %s, %s, %s, %s::jsonb) AS begun
"""
# What clients are told of a run, and its experiment's number.
_TOLD = (
    "id", "team_id", "experiment_id", "name", "user_name", "created_by_label", "job_id", "status", "started_at",
    "ended_at", "number",
)  # fmt: skip
_CHANGE = f"""
SELECT {", ".join(_TOLD)} FROM experiments_run_change(%s, %s::uuid[], %s, %s, %s, %s, %s, %s, %s::jsonb) AS changed
"""  # noqa: S608 - fixed text


def reach(actor: Actor) -> tuple[str | None, uuid.UUID | None]:
    """(the teams in whose runs the actor may write, as an array's text; the only run that it may write).

    None is every one.
    """
    if actor.kind is ActorKind.RUN:
        return None, actor.run_id or uuid.UUID(int=0)
    held = [teams for teams in (actor.team_ids("job.run"), actor.team_ids()) if teams is not None]
    if not held:
        return None, None
    return "{" + ",".join(map(str, frozenset.intersection(*held))) + "}", None


def run_begin(
    *,
    actor: Actor,
    number: int,
    name: str,
    started_at: datetime | None,
    tags: Mapping[str, str],
    notes: str,
    code: Mapping[str, str],
    user_name: str,
) -> Run | None:
    """Begin a person's run in the experiment of that number; None, with nothing written, where that cannot be."""
    if not actor.is_person or len(name) > NAME_LIMIT:
        return None
    now, entry = timezone.now(), id_new()
    run = Run(
        id=id_new(),
        created_at=now,
        name=name,
        user_name=user_name[:USER_LIMIT],
        started_at=started_at or now,
        tags=tags,
        notes=notes,
        code=code,
    )

    def parameters(by: Actor) -> list[Any]:
        run.created_by_id, run.created_by_label = by.id, by.label
        return [
            run.pk, number, reach(by)[0], name, run.user_name, run.started_at, json_text(tags), notes, json_text(code),
            by.id, by.label, now, entry, json_text(audit_who(by)),
        ]  # fmt: skip

    experiment_id, run.team_id = row_proven(actor, _BEGIN, parameters)
    if experiment_id is None:
        return None
    run.experiment = Experiment(id=experiment_id, number=number)
    return run


def run_change(
    *, actor: Actor, run_id: uuid.UUID, status: str | None, name: str | None, ended_at: datetime | None
) -> Run | None:
    """Status, name and end of a run that is neither deleted nor cited; None, with nothing written, for another one.

    Of the run only what MLflow's clients are told of one is read.
    """
    now, entry = timezone.now(), id_new()
    row = row_proven(
        actor,
        _CHANGE,
        lambda by: [run_id, *reach(by), status, name, ended_at, now, entry, json_text(audit_who(by))],
    )
    told = dict(zip(_TOLD, row, strict=True))
    if told["id"] is None:
        return None
    number = told.pop("number")
    told["deleted_at"] = None
    names = [field.attname for field in Run._meta.concrete_fields if field.attname in told]
    run: Run = Run.from_db(connection.alias, names, [told[name] for name in names])
    run.experiment = Experiment(id=run.experiment_id, number=number)
    return run
