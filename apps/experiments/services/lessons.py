"""What runs taught: written, changed and taken back by people, one lesson a run."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.experiments.models import Lesson, Run
from apps.experiments.services.locking import row_version_check
from apps.experiments.services.runs import run_lock

TEXT_LIMIT = 2000
_FIELDS = ("effect", "text", "metric", "segment", "against_id")


def lesson_save(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    effect: str,
    text: str,
    metric: str = "",
    segment: str = "",
    against_id: uuid.UUID | None = None,
    row_version: int | None = None,
) -> Lesson:
    """Say what a run taught, also of a sealed one; saying it again replaces it.

    `metric` is one that the run has measured; `against_id` a run of the same experiment. Raises NotFound, Forbidden,
    Invalid, and Conflict (code "stale") for an older `row_version`.
    """
    with transaction.atomic():
        run = run_lock(actor, run_id)
        wanted = {
            "effect": _effect(effect),
            "text": _text(text),
            "metric": _metric(run, metric),
            "segment": segment.strip()[:200],
            "against_id": _against(actor, run, against_id),
        }
        lesson: Lesson | None = Lesson.objects.filter(run=run).first()
        if lesson is None:
            lesson = Lesson(
                run=run,
                team_id=run.team_id,
                created_by_id=actor.id if actor.is_person else None,
                created_by_label=actor.label,
            )
            before = None
        else:
            row_version_check(lesson, row_version)
            before = _told(lesson)
            if before == {name: str(value or "") for name, value in wanted.items()}:
                return lesson
            lesson.row_version += 1
        for name, value in wanted.items():
            setattr(lesson, name, value)
        lesson.updated_at = timezone.now()
        lesson.save()
        audit_record(
            actor=actor,
            action="run.lesson",
            thing=run,
            problem_id=run.experiment.problem_id,
            before=before,
            after=_told(lesson),
        )
    return lesson


def lesson_remove(*, actor: Actor, run_id: uuid.UUID) -> None:
    """Take back what was said; the audit keeps it. Raises NotFound, Forbidden."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        lesson = Lesson.objects.filter(run=run).first()
        if lesson is None:
            raise NotFound("Nobody has said what this run taught.")
        before = _told(lesson)
        lesson.delete()
        audit_record(
            actor=actor,
            action="run.lesson_removed",
            thing=run,
            problem_id=run.experiment.problem_id,
            before=before,
        )


def _told(lesson: Lesson) -> dict[str, str]:
    return {name: str(getattr(lesson, name) or "") for name in _FIELDS}


def _effect(effect: str) -> str:
    if effect not in Lesson.Effect.values:
        raise Invalid.field("effect", f"One of {', '.join(Lesson.Effect.values)}.")
    return effect


def _text(text: str) -> str:
    clean = text.strip()
    if not clean:
        raise Invalid.field("text", "Say in a sentence what was learnt.")
    if len(clean) > TEXT_LIMIT:
        raise Invalid.field("text", f"At most {TEXT_LIMIT} characters.")
    if "\x00" in clean:
        raise Invalid.field("text", "A NUL character cannot be stored.")
    return clean


def _metric(run: Run, metric: str) -> str:
    if metric and metric not in run.metrics_latest:
        raise Invalid.field("metric", "The run has not measured this.")
    return metric


def _against(actor: Actor, run: Run, against_id: uuid.UUID | None) -> uuid.UUID | None:
    if against_id is None:
        return None
    others = Run.objects.visible_to(actor).filter(experiment_id=run.experiment_id).exclude(pk=run.pk)
    if not others.filter(pk=against_id).exists():
        raise Invalid.field("against_id", "Choose another run of the same experiment.")
    return against_id
