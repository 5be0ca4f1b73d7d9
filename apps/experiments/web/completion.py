"""What the filter bar of runs proposes at its cursor."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from apps.core.actors import Actor
from apps.core.filter_language import Expected, Gap, expected_at, name_written
from apps.experiments import selectors
from apps.experiments.models import Run

# A longer text is written by a program, which needs no proposals.
LONGEST = 2_000
SHOWN = 12
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


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text that may stand at the cursor, and what it is."""

    text: str
    detail: str = ""


def proposals_at(actor: Actor, experiment_id: uuid.UUID, text: str, at: int) -> tuple[int, list[Proposal]]:
    """From which character on the written word is replaced, and by what, the best first."""
    gap = expected_at(text, at, selectors.RUNS) if len(text) <= LONGEST else None
    if gap is None:
        return at, []
    found = _proposals(actor, experiment_id, gap)
    written = gap.written.casefold()
    fitting = [one for one in found if written in one.text.casefold() and one.text != gap.written]
    fitting.sort(key=lambda one: not one.text.casefold().startswith(written))
    return gap.start, fitting[:SHOWN]


def _proposals(actor: Actor, experiment_id: uuid.UUID, gap: Gap) -> list[Proposal]:
    match gap.expected:
        case Expected.FIELD:
            return _fields(actor, experiment_id)
        case Expected.OPERATOR:
            return [Proposal(operator.value) for operator in gap.operators]
        case Expected.VALUE:
            return _values(actor, experiment_id, gap)
        case Expected.LIST:
            return [Proposal("(", "a list of quoted texts")]
    return [Proposal("AND"), Proposal("OR")]


def _fields(actor: Actor, experiment_id: uuid.UUID) -> list[Proposal]:
    found = [Proposal(name_written("metrics", key), "metric") for key in selectors.metric_keys(experiment_id)]
    for column, word in _DOCUMENTS.items():
        keys = selectors.document_keys(actor, experiment_id, column)
        found += [Proposal(name_written(column, key), word) for key in keys]
    found += [Proposal(name, detail) for name, detail in _ATTRIBUTES.items()]
    return found + [Proposal(f"dataset.{key}", "of data that it read") for key in _DATASETS]


def _values(actor: Actor, experiment_id: uuid.UUID, gap: Gap) -> list[Proposal]:
    field = gap.field
    if field is None:
        return []
    if field.kind in _DOCUMENTS:
        texts = selectors.document_values(actor, experiment_id, field.kind, field.key)
    else:
        texts = Run.Status.values if field.key == "status" else []
    quote = "'" if gap.written.startswith("'") else '"'
    return [Proposal(quote + text.replace(quote, quote * 2) + quote) for text in texts if len(text) <= LONGEST]
