"""Reading exports of evaluations."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.evaluations.models import Export


def export_list(actor: Actor, evaluation_id: uuid.UUID) -> QuerySet[Export]:
    """The exports of an evaluation."""
    return (
        Export.objects.visible_to(actor)
        .filter(evaluation_id=evaluation_id)
        .select_related("evaluation", "job")
        .defer("evaluation__report", "evaluation__findings", "job__spec", "job__files")
    )


def export_file(actor: Actor, evaluation_id: uuid.UUID, pk: uuid.UUID) -> Export:
    """A ready export of the evaluation. Raises NotFound, and Conflict while there is no file."""
    found = export_list(actor, evaluation_id).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such export of this evaluation, or you may not see it.")
    if found.state != Export.State.READY:
        raise Conflict(f"The export is {found.get_state_display()}; it has no file.", code="export_not_ready")
    return found


def export_of_job(actor: Actor, job_id: uuid.UUID) -> Export | None:
    """The export that a job makes."""
    rows = Export.objects.visible_to(actor).select_related("evaluation")
    found: Export | None = rows.defer("evaluation__report", "evaluation__findings").filter(job_id=job_id).first()
    return found
