"""Changing what a schedule says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.schedules.changes import changes_of
from apps.schedules.models import Schedule, ScheduleRun
from apps.schedules.services.keeping import columns_of, schedule_locked, schedule_save

FIELDS = (
    *("name", "trigger", "act", "cron", "zone", "dataset_id", "bundle_name", "repository", "branch", "problem_id"),
    *("template_id", "launch_id", "model_id", "sweep_id", "missed", "overlap"),
)
"""What can be changed, by the names that `schedule_create` has."""
_WHEN = ("trigger", "cron", "zone")
_WATCHED = ("trigger", "dataset_id", "bundle_name", "repository", "branch", "problem_id")
_RUNS = ("act", "template_id", "launch_id", "model_id", "sweep_id")
_EMPTY: dict[str, Any] = {
    **{"cron": "", "zone": "UTC", "bundle_name": "", "repository": "", "branch": ""},
    **{"dataset": None, "problem": None, "next_at": None},
}
_THINGS: dict[str, Any] = {"template": None, "launch": None, "model": None, "sweep": None}


def schedule_change(
    *,
    actor: Actor,
    schedule_id: uuid.UUID,
    changes: Mapping[str, Any],
    row_version: int | None = None,
    now: datetime | None = None,
) -> Schedule:
    """Let it say something else from now on; `changes` are of FIELDS, the rest stays, and so does its state.

    It runs in the name of whoever changed it: nobody lets another's rights do something new. Other times are counted
    from now; what is there of other things to watch is no change; what still waited to be launched is left out.
    Raises NotFound, Forbidden, Conflict (stale `row_version`, name), Invalid at the field.
    """
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise Invalid.field(unknown[0], "A schedule has no such field.")
    now = now or timezone.now()
    with transaction.atomic():
        schedule = schedule_locked(actor, schedule_id)
        if row_version is not None and row_version != schedule.row_version:
            raise Conflict(
                "Somebody changed this schedule after you opened it. Nothing was saved; look at it again.",
                code="stale",
                items=[{"row_version": schedule.row_version, "given": row_version}],
            )
        before = {name: getattr(schedule, name) for name in FIELDS}
        next_at, seen = schedule.next_at, schedule.seen
        asked = {**before, **changes}
        columns = columns_of(actor, team_id=schedule.team_id, now=now, **{**asked, "branch": asked["branch"] or "main"})
        for name, value in {**_EMPTY, **_THINGS, **columns}.items():
            setattr(schedule, name, value)
        after = {name: getattr(schedule, name) for name in FIELDS}
        changed = [name for name in FIELDS if before[name] != after[name]]
        if not changed:
            return schedule
        if not set(changed) & set(_WHEN) and next_at is not None:
            schedule.next_at = next_at
        schedule.seen = [str(one.id) for one in changes_of(actor, schedule)] if set(changed) & set(_WATCHED) else seen
        if set(changed) & set(_WATCHED):
            schedule.head, schedule.commits, schedule.looked_at, schedule.look_problem = "", [], None, ""
        schedule.owner_id = actor.person_id
        schedule.row_version += 1
        schedule_save(schedule)
        if set(changed) & {*_WHEN, *_WATCHED, *_RUNS}:
            waiting = ScheduleRun.objects.filter(schedule=schedule, state=ScheduleRun.State.WAITING)
            waiting.update(state=ScheduleRun.State.SKIPPED, note="The schedule was changed before it ran.")
        audit_record(
            actor=actor,
            action="schedule.change",
            thing=schedule,
            before={name: _plain(before[name]) for name in changed},
            after={name: _plain(after[name]) for name in changed},
        )
    return schedule


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value
