"""What the filter bar of runs proposes at its cursor."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.core.filter_language import Gap, name_written
from apps.core.web.filter_words import Proposal
from apps.experiments import selectors
from apps.experiments.models import Run

_ATTRIBUTES = {
    "status": "RUNNING, SCHEDULED, FINISHED, FAILED or KILLED",
    "run_name": "name of the run",
    "start_time": "ms since 1970",
    "end_time": "ms since 1970",
    "user_id": "who began it",
    "run_id": "id",
}
_DATASETS = ("name", "digest", "context")
_DOCUMENTS = {"params": "param", "tags": "tag"}


def run_fields(actor: Actor, experiment_id: uuid.UUID) -> list[Proposal]:
    """What runs of an experiment can be found by."""
    found = [Proposal(name_written("metrics", key), "metric") for key in selectors.metric_keys(experiment_id)]
    for column, word in _DOCUMENTS.items():
        keys = selectors.document_keys(actor, experiment_id, column)
        found += [Proposal(name_written(column, key), word) for key in keys]
    found += [Proposal(name, detail) for name, detail in _ATTRIBUTES.items()]
    return found + [Proposal(f"dataset.{key}", "of data that it read") for key in _DATASETS]


def run_values(actor: Actor, experiment_id: uuid.UUID, gap: Gap) -> list[str]:
    """The texts that a field of runs has."""
    field = gap.field
    if field is None:
        return []
    if field.kind in _DOCUMENTS:
        return selectors.document_values(actor, experiment_id, field.kind, field.key)
    return Run.Status.values if field.key == "status" else []
