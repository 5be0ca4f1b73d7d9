"""Reading schedules: always limited to what the actor may see."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.schedules.cron import cron_parse, cron_times, zone_find
from apps.schedules.models import Schedule, ScheduleRun

NEXT = 5


def schedule_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[Schedule]:
    """Schedules that were not put away, each with what came of its newest run; the caller sorts."""
    newest = ScheduleRun.objects.filter(schedule=OuterRef("pk")).order_by("-id")
    rows: QuerySet[Schedule] = Schedule.objects.visible_to(actor).filter(archived_at__isnull=True)
    rows = rows.select_related("owner", "dataset", "problem", "template", "launch__run", "model", "sweep").annotate(
        last_state=Subquery(newest.values("state")[:1]),
        last_job=Subquery(newest.values("job__state")[:1]),
        last_sweep=Subquery(newest.values("sweep__state")[:1]),
        last_at=Subquery(newest.values("created_at")[:1]),
    )
    return rows if team_id is None else rows.filter(team_id=team_id)


def schedule_get(actor: Actor, pk: uuid.UUID) -> Schedule:
    """Raises NotFound."""
    found = schedule_list(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such schedule, or you may not see it.")
    return found


def run_list(schedule: Schedule) -> QuerySet[ScheduleRun]:
    """Each time that a schedule ran or was left out, with what came of it."""
    rows: QuerySet[ScheduleRun] = ScheduleRun.objects.filter(schedule=schedule)
    return rows.select_related("job", "run", "sweep").defer("job__spec", "job__files", "run__metrics_latest")


def run_of_job(actor: Actor, job_id: uuid.UUID) -> ScheduleRun | None:
    """What began a job; None where a person did."""
    rows = ScheduleRun.objects.visible_to(actor).select_related("schedule")
    found: ScheduleRun | None = rows.filter(job_id=job_id).first()
    return found


def run_of_run(actor: Actor, run_id: uuid.UUID) -> ScheduleRun | None:
    """What began a run; None where a person did."""
    rows = ScheduleRun.objects.visible_to(actor).select_related("schedule")
    found: ScheduleRun | None = rows.filter(run_id=run_id).first()
    return found


def schedule_ids(pks: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """For links alone: the page behind them asks for the right to see."""
    return list(Schedule.objects.filter(pk__in=pks, archived_at__isnull=True).values_list("pk", flat=True))


def next_times(cron: str, zone: str, after: datetime, count: int = NEXT) -> list[datetime]:
    """The next moments at which an expression is due, in the time of its zone. Raises CronError."""
    found: ZoneInfo = zone_find(zone)
    return [moment.astimezone(found) for moment in islice(cron_times(cron_parse(cron), found, after), count)]
