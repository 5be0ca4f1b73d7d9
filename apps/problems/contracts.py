"""What leaves the room: changes that upper rooms listen to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ChangeKind(StrEnum):
    """What happened to a problem."""

    VERSION_ACCEPTED = "VERSION_ACCEPTED"
    SEGMENTS_CHANGED = "SEGMENTS_CHANGED"
    STATE_CHANGED = "STATE_CHANGED"
    BEHAVIOUR_CHANGED = "BEHAVIOUR_CHANGED"


@dataclass(frozen=True, slots=True)
class ProblemChange:
    """A change that may turn evidence stale; sent inside the transaction that makes it."""

    kind: ChangeKind
    team_id: uuid.UUID
    problem_id: uuid.UUID
    summary: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Something without which a draft cannot be submitted: the form's field and one sentence."""

    field: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As an item of a 409 answer."""
        return {"field": self.field, "message": self.message}


ProblemListener = Callable[[ProblemChange], None]
_listeners: list[ProblemListener] = []


def problem_listener_register(listener: ProblemListener) -> None:
    """Called from an upper room's `AppConfig.ready()`; the listener runs in the transaction of the change."""
    if listener not in _listeners:
        _listeners.append(listener)


def problem_listeners_tell(change: ProblemChange) -> None:
    """Tell every listener; an error of a listener undoes the change."""
    for listener in _listeners:
        listener(change)


@dataclass(frozen=True, slots=True)
class ObjectiveCell:
    """What a model version reached for one objective: text, and the verdict's code when there is one."""

    text: str
    state: str = ""
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class ObjectiveColumn:
    """A column of the objectives table, filled by the rooms that measure: "v2", LIVE, {objective id: cell}."""

    label: str
    cells: dict[uuid.UUID, ObjectiveCell]
    kind: str = ""
    numeric: bool = True
    foot: str = ""
    """Small print below the table, such as which rows were used."""


ObjectiveSource = Callable[[Any, uuid.UUID], Iterable[ObjectiveColumn]]
PanelSource = Callable[[Any, uuid.UUID], Mapping[str, Any] | None]
_columns: list[ObjectiveSource] = []
_panels: list[tuple[str, PanelSource]] = []


def objective_columns_register(source: ObjectiveSource) -> None:
    """An upper room adds columns to the objectives table: `source(actor, problem_id) -> columns`."""
    if source not in _columns:
        _columns.append(source)


def objective_columns(actor: Any, problem_id: uuid.UUID) -> list[ObjectiveColumn]:
    """The columns that upper rooms have for a problem."""
    return [column for source in _columns for column in source(actor, problem_id)]


def problem_panel_register(template: str, source: PanelSource) -> None:
    """An upper room adds a card to the problem page: `source(actor, problem_id)` feeds it; None leaves it out."""
    if (template, source) not in _panels:
        _panels.append((template, source))


def problem_panels(actor: Any, problem_id: uuid.UUID) -> list[tuple[str, Mapping[str, Any]]]:
    """(template, context) of each card that upper rooms have for a problem."""
    found = [(template, source(actor, problem_id)) for template, source in _panels]
    return [(template, context) for template, context in found if context is not None]


FirstModelSource = Callable[[Any], Any]
_first_model: list[FirstModelSource] = []


def first_model_register(source: FirstModelSource) -> None:
    """The room that holds models says when the first version of a problem was registered.

    `source(reference to the problem's id) -> queryset of one moment`, asked as a subquery.
    """
    if source not in _first_model:
        _first_model.append(source)


def first_model_source() -> FirstModelSource | None:
    """What was registered; None in an installation without models."""
    return _first_model[0] if _first_model else None


@dataclass(frozen=True, slots=True)
class BehaviourReadiness:
    """Whether behaviour tests came before the first model: counts of tests, and one sentence for people.

    `after` counts tests whose wording in force is younger than the first registered version; `modelled` says whether
    there is one. Without tests both are unknown and `sentence` is advice.
    """

    tests: int
    after: int
    modelled: bool
    sentence: str

    @property
    def ready(self) -> bool:
        """True when there are tests and all of them came first."""
        return self.tests > 0 and self.after == 0
