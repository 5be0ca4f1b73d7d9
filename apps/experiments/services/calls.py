"""What clients do with runs all day, as one call of the database each (`experiments_run_begin` and `_change`, migration
0013), with its audit entry.

A function writes nothing where anything stands against it; the caller then goes the ordinary way, which says what.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.audit.services import audit_who
from apps.core.actors import Actor, ActorKind
from apps.core.ids import id_new
from apps.experiments.models import Experiment, Run

NAME_LIMIT, USER_LIMIT = 250, 256

_BEGIN = """
SELECT experiment, team FROM experiments_run_begin(
  %s, %s, %s::uuid[], %s, %s, %s, %s::jsonb, %s, %s::jsonb, %s, %s, %s, %s, %s::jsonb)
"""
_CHANGE = "SELECT * FROM experiments_run_change(%s, %s::uuid[], %s, %s, %s, %s, %s, %s, %s::jsonb)"


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


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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
    teams, _ = reach(actor)
    now = timezone.now()
    run = Run(
        id=id_new(),
        created_at=now,
        name=name,
        user_name=user_name[:USER_LIMIT],
        started_at=started_at or now,
        tags=tags,
        notes=notes,
        code=code,
        created_by_id=actor.id,
        created_by_label=actor.label,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _BEGIN,
            [
                run.pk, number, teams, name, run.user_name, run.started_at, _text(tags), notes, _text(code), actor.id,
                actor.label, now, id_new(), _text(audit_who(actor)),
            ],
        )  # fmt: skip
        experiment_id, run.team_id = cursor.fetchone()
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
    teams, own = reach(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            _CHANGE,
            [run_id, teams, own, status, name, ended_at, timezone.now(), id_new(), _text(audit_who(actor))],
        )
        told = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))
    if told["id"] is None:
        return None
    number = told.pop("number")
    told["deleted_at"] = None
    names = [field.attname for field in Run._meta.concrete_fields if field.attname in told]
    run: Run = Run.from_db(connection.alias, names, [told[name] for name in names])
    run.experiment = Experiment(id=run.experiment_id, number=number)
    return run
