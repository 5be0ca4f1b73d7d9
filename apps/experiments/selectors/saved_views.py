"""Reading saved views."""

from __future__ import annotations

import uuid

from django.db.models import F, OuterRef, Q, QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments.models import SavedView


def view_list(actor: Actor, experiment_id: uuid.UUID | OuterRef) -> QuerySet[SavedView]:
    """The actor's own views of an experiment, then the team's, by name."""
    rows: QuerySet[SavedView] = SavedView.objects.visible_to(actor).filter(experiment_id=experiment_id)
    rows = rows.filter(Q(owner__isnull=True) | Q(owner_id=actor.person_id))
    return rows.order_by(F("owner_id").asc(nulls_last=True), "name", "id")


def view_get(actor: Actor, pk: uuid.UUID) -> SavedView:
    """Raises NotFound, also for another person's own view."""
    rows: QuerySet[SavedView] = SavedView.objects.visible_to(actor).filter(pk=pk)
    found = rows.filter(Q(owner__isnull=True) | Q(owner_id=actor.person_id)).select_related("experiment").first()
    if found is None:
        raise NotFound("There is no such view, or it is somebody else's own.")
    return found
