"""What rooms above tell this one: who listens when an evaluation is complete, and what they show on its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import uuid
    from collections.abc import Collection

    from apps.core.actors import Actor
    from apps.evaluations.models import Evaluation
    from workers.contracts.exports import GateLine

_listeners: list[Callable[[Evaluation], object]] = []


def evaluation_finished_register(listener: Callable[[Evaluation], object]) -> None:
    """Called from a room's `AppConfig.ready()`. The listener runs in the transaction that completes the evaluation."""
    if listener not in _listeners:
        _listeners.append(listener)


def evaluation_finished(evaluation: Evaluation) -> None:
    for listener in _listeners:
        listener(evaluation)


DecisionCounter = Callable[["uuid.UUID"], int]
_counters: list[DecisionCounter] = []


def decision_counter_register(counter: DecisionCounter) -> None:
    """A room above counts the decisions that rest on evaluations of a dataset version, given by its id; one query.

    Called from its `AppConfig.ready()`.
    """
    if counter not in _counters:
        _counters.append(counter)


def decisions_count(dataset_version_id: uuid.UUID) -> int:
    """How many decisions rest on evaluations of a dataset version."""
    return sum(counter(dataset_version_id) for counter in _counters)


ApprovalLookup = Callable[["Collection[uuid.UUID]"], "Mapping[uuid.UUID, str]"]
_approvals: list[ApprovalLookup] = []


def approvals_of_register(lookup: ApprovalLookup) -> None:
    """A room above says when a release was approved on which of some evaluations ("3 May 2026"); one query.

    Called from its `AppConfig.ready()`.
    """
    if lookup not in _approvals:
        _approvals.append(lookup)


def approvals_of(evaluation_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """When a release was approved, by evaluation; those on which none was are left out."""
    return {pk: told for lookup in _approvals for pk, told in lookup(evaluation_ids).items()}


GateLister = Callable[["Evaluation"], "Sequence[GateLine]"]
_gate_listers: list[GateLister] = []


def gate_lines_register(lister: GateLister) -> None:
    """A room above tells how the gates of a complete evaluation were judged, for exports.

    Called from its `AppConfig.ready()`.
    """
    if lister not in _gate_listers:
        _gate_listers.append(lister)


def gate_lines(evaluation: Evaluation) -> tuple[GateLine, ...]:
    """The gates of an evaluation as they were judged."""
    return tuple(line for lister in _gate_listers for line in lister(evaluation))


PanelContext = Callable[["Actor", "Evaluation"], "Mapping[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class EvaluationPanel:
    """A part of the evaluation page: `context(actor, evaluation)` feeds `template`; None leaves it out.

    `place`: "action" (buttons of the head), "verdict" (one more figure in the row under the verdict) or "main" (a card
    after it). The template gets `evaluation` beside the returned mapping.
    """

    template: str
    context: PanelContext
    place: str
    order: int


_panels: list[EvaluationPanel] = []


def evaluation_panel_register(template: str, context_fn: PanelContext, *, place: str = "main", order: int = 50) -> None:
    """A room above adds a part to the page of every evaluation. Called from its `AppConfig.ready()`."""
    if not any(panel.template == template for panel in _panels):
        _panels.append(EvaluationPanel(template, context_fn, place, order))


def evaluation_panel_list(place: str) -> list[EvaluationPanel]:
    """The parts of one place, in order."""
    return sorted((panel for panel in _panels if panel.place == place), key=lambda panel: panel.order)
