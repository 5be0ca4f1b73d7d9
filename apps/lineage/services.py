"""Writing lineage."""

from __future__ import annotations

import uuid

from django.db import connection, models

from apps.core.errors import Conflict
from apps.lineage.models import LineageEdge


def edge_add(*, subject: models.Model, relation: str, thing: models.Model, team_id: uuid.UUID) -> LineageEdge:
    """Record `subject relation thing`, once; a repetition returns the edge that stands.

    Raises Conflict when the edge would close a cycle (invariant I6).
    """
    subject_type, object_type = subject._meta.label_lower, thing._meta.label_lower
    if _reaches(thing.pk, subject.pk):
        raise Conflict("This would make the lineage go in a circle.", code="lineage_cycle")
    edge, _ = LineageEdge.objects.get_or_create(
        subject_type=subject_type,
        subject_id=subject.pk,
        relation=relation,
        object_type=object_type,
        object_id=thing.pk,
        defaults={"team_id": team_id, "subject_label": str(subject)[:300], "object_label": str(thing)[:300]},
    )
    return edge


def _reaches(start: uuid.UUID, goal: uuid.UUID) -> bool:
    """Does a path of edges lead from `start` to `goal`?"""
    if start == goal:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE up(id) AS (SELECT object_id FROM lineage_lineageedge WHERE subject_id = %s "
            "UNION SELECT e.object_id FROM lineage_lineageedge e JOIN up ON e.subject_id = up.id) "
            "SELECT 1 FROM up WHERE id = %s LIMIT 1",
            [start, goal],
        )
        return cursor.fetchone() is not None
