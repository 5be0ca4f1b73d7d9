"""The ledger: what runs taught."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments.models import Lesson, Run


def lesson_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    experiment_id: uuid.UUID | None = None,
) -> QuerySet[Lesson]:
    """Lessons of runs that the actor sees and that are in the lists; the caller sorts."""
    rows = Lesson.objects.visible_to(actor).filter(run__deleted_at__isnull=True)
    rows = rows.select_related("run__experiment__problem", "against")
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(run__experiment__problem_id=problem_id)
    if experiment_id:
        rows = rows.filter(run__experiment_id=experiment_id)
    return rows


def lesson_of(run: Run) -> Lesson | None:
    """What a run taught, if somebody has said so."""
    return Lesson.objects.filter(run=run).select_related("against").first()


def lesson_get(run: Run) -> Lesson:
    """Raises NotFound when nobody has said so."""
    found = lesson_of(run)
    if found is None:
        raise NotFound("Nobody has said what this run taught.")
    return found


def lesson_difference(lesson: Lesson) -> float | None:
    """The metric's newest value less that of the run it is measured against; None where one of them has none."""
    if not lesson.metric or lesson.against is None:
        return None
    ends = [one.metrics_latest.get(lesson.metric) for one in (lesson.run, lesson.against)]
    here, there = (end[0] if end else None for end in ends)
    if not isinstance(here, int | float) or not isinstance(there, int | float):
        return None
    return float(here) - float(there)
