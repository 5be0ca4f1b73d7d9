"""Judging predictions that were made elsewhere: a table with the truth and a model's answers side by side."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.evaluations import policies
from apps.evaluations.models import Evaluation
from apps.evaluations.services.launching import evaluation_launch
from apps.evaluations.services.row_columns import RowColumns
from apps.registry import services as registry


@dataclass(frozen=True, slots=True)
class Against:
    """What the predictions are compared with: other answers in the same table, or a version that Fairway has."""

    brought: registry.Brought | None = None
    version_id: uuid.UUID | None = None


NOTHING = Against()


def predictions_judge(
    *,
    actor: Actor,
    dataset_version_id: uuid.UUID,
    brought: registry.Brought,
    against: Against = NOTHING,
    part: str | None = None,
    row_columns: RowColumns | None = None,
    target_id: uuid.UUID | None = None,
) -> Evaluation:
    """Register the answers in a table as a version without files, and queue its evaluation on the rows of that table.

    `part`: "all" rows with a known truth (left out too), or "test", the test part of the split that the data state.
    `row_columns`: how much a row counts and, of a ranking, which rows belong together.
    Nothing is left of what was registered when the evaluation is refused. Raises NotFound, Forbidden, Invalid at the
    field (those of `against.brought` begin with "baseline."), Conflict.
    """
    data = datasets.dataset_version_get(actor, dataset_version_id)
    require(
        policies.evaluation_launch(actor, data.team_id),
        "Launching an evaluation takes a data scientist's or operator's role in the team.",
    )
    if against.brought is not None and against.version_id is not None:
        raise Invalid.field("baseline_version_id", "Compare with a version or with other columns, not with both.")
    with transaction.atomic():
        version = registry.version_bring(actor=actor, dataset_version_id=data.pk, brought=brought)
        baseline_id = against.version_id
        if against.brought is not None:
            try:
                baseline_id = registry.version_bring(
                    actor=actor, dataset_version_id=data.pk, brought=against.brought
                ).pk
            except Invalid as refusal:
                fields = {f"baseline.{name}": texts for name, texts in refusal.fields.items()}
                raise Invalid(refusal.detail, fields=fields) from refusal
            if baseline_id == version.pk:
                raise Invalid.field("baseline.column", "These are the same answers: there is nothing to compare.")
        return evaluation_launch(
            actor=actor,
            model_version_id=version.pk,
            dataset_version_id=data.pk,
            baseline_version_id=baseline_id,
            part=part,
            row_columns=row_columns,
            target_id=target_id,
        )
