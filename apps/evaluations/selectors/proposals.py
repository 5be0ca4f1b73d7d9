"""Reading proposed thresholds."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.core.actors import Actor
from apps.evaluations.models import ThresholdProposal


def proposal_list(actor: Actor, evaluation_id: uuid.UUID) -> QuerySet[ThresholdProposal]:
    """Proposals of an evaluation that were not taken back."""
    rows = ThresholdProposal.objects.visible_to(actor)
    return rows.filter(evaluation_id=evaluation_id, archived_at__isnull=True)
