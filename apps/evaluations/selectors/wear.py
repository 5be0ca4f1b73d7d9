"""How much a test part still proves after it was looked at and decided on (`analysis.wear`)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import Count, Max

from analysis.contracts.metrics import PERCENT, metric_get
from analysis.wear import MARGIN, Wear, wear_find
from apps.evaluations.contracts.listeners import decisions_count
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors.reading import margins_of

if TYPE_CHECKING:
    from apps.problems.models import Objective


def wear_margin(objectives: Iterable[Objective]) -> float:
    """The smallest difference of a rate that matters to the problem; five points where it states none."""
    margins = [margin for name, margin in margins_of(objectives).items() if metric_get(name).unit == PERCENT]
    return min((margin for margin in margins if 0 < margin < 1), default=MARGIN)


def wear_of(dataset_version_id: uuid.UUID, margin: float) -> Wear | None:
    """Wear of the test part of a dataset version; None before it was evaluated on. Two queries.

    Every complete evaluation is one look, archived ones too: somebody saw it. Decisions are what rooms above count.
    """
    made = Evaluation.objects.filter(dataset_version_id=dataset_version_id, state=Evaluation.State.COMPLETE)
    found = made.aggregate(looks=Count("pk"), rows=Max("row_count"))
    if not found["looks"]:
        return None
    return wear_find(
        found["rows"] or 0, looks=found["looks"], decisions=decisions_count(dataset_version_id), margin=margin
    )
