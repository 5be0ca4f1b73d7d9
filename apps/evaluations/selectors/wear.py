"""How much a test part still proves: after looks and decisions (`analysis.wear`), and where it leaks into training."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Max, Subquery

from analysis.contracts.findings import Leakage, leakage_read
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


@dataclass(frozen=True, slots=True)
class Looked:
    """A test part that was evaluated on: its wear, and which of its rows an evaluation found among training rows.

    `leakage` is of the evaluation `evaluation_id`; None where that did not look for it.
    """

    wear: Wear
    evaluation_id: uuid.UUID | None = None
    leakage: Leakage | None = None


def wear_of(dataset_version_id: uuid.UUID, margin: float, *, evaluation_id: uuid.UUID | None = None) -> Looked | None:
    """The test part of a dataset version; None before it was evaluated on. Two queries.

    Every complete evaluation is one look, archived ones too: somebody saw it. Decisions are what rooms above count.
    Leakage is what `evaluation_id` found, else the newest evaluation on these rows.
    """
    made = Evaluation.objects.filter(dataset_version_id=dataset_version_id, state=Evaluation.State.COMPLETE)
    one = made.filter(pk=evaluation_id) if evaluation_id else made
    newest = one.order_by("-id").values("pk")[:1]
    leakage = one.order_by("-id").values("findings__leakage")[:1]
    counted = made.order_by().values("dataset_version_id").annotate(looks=Count("pk"), rows=Max("row_count"))
    found = next(iter(counted.annotate(newest=Subquery(newest), leakage=Subquery(leakage))), None)
    if found is None:
        return None
    wear = wear_find(
        found["rows"] or 0, looks=found["looks"], decisions=decisions_count(dataset_version_id), margin=margin
    )
    read = leakage_read(found["leakage"]) if found["leakage"] else None
    return Looked(wear, found["newest"], read)
