"""Words that rooms above share with runs, and what they show on their pages: what came of a run, cards."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.core.actors import Actor
    from apps.experiments.models import Experiment, Run

# Tags in which MLflow's clients write what is a field of a run here.
NAME_TAG = "mlflow.runName"
NOTES_TAG = "mlflow.note.content"
USER_TAG = "mlflow.user"


class View(StrEnum):
    """Which rows a search shows: those in the lists, those taken out of them, or both."""

    ACTIVE = "ACTIVE_ONLY"
    DELETED = "DELETED_ONLY"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run: "Release on recognisance version 3", with the flag ("v3 live") that lists show."""

    label: str
    url: str
    flag: str
    live: bool = False


@dataclass(frozen=True, slots=True)
class RunCopy:
    """A run of another server: everything but its measurements, its models and its files."""

    id: uuid.UUID
    name: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    user_name: str = ""
    notes: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    # As `RunInput.external`.
    datasets: Sequence[dict[str, Any]] = ()


OutcomeSource = Callable[["Actor", "Sequence[Run]"], "Mapping[uuid.UUID, RunOutcome]"]
_outcomes: list[OutcomeSource] = []


def run_outcomes_register(source: OutcomeSource) -> None:
    """A room above says what came of runs, a page of them at once."""
    if source not in _outcomes:
        _outcomes.append(source)


def run_outcomes(actor: Actor, runs: Sequence[Run]) -> dict[uuid.UUID, RunOutcome]:
    """{run id: outcome} of those that led to something."""
    found: dict[uuid.UUID, RunOutcome] = {}
    for source in _outcomes:
        found.update(source(actor, runs) if runs else {})
    return found


@dataclass(frozen=True, slots=True)
class RunAction:
    """An entry of a run's menu; `follows` when it is the next step of a run that finished."""

    label: str
    icon: str
    url: str
    follows: bool = False


ActionSource = Callable[["Actor", "Run"], "Iterable[RunAction]"]
_actions: list[ActionSource] = []


def run_actions_register(source: ActionSource) -> None:
    """A room above adds entries to the menu of a run, such as "Clone with changes"."""
    if source not in _actions:
        _actions.append(source)


def run_actions(actor: Actor, run: Run) -> list[RunAction]:
    return [action for source in _actions for action in source(actor, run)]


ExperimentActionSource = Callable[["Actor", "Experiment"], "Iterable[RunAction]"]
_experiment_actions: list[ExperimentActionSource] = []


def experiment_actions_register(source: ExperimentActionSource) -> None:
    """A room above adds entries to the menu of an experiment, such as "Traces"."""
    if source not in _experiment_actions:
        _experiment_actions.append(source)


def experiment_actions(actor: Actor, experiment: Experiment) -> list[RunAction]:
    return [action for source in _experiment_actions for action in source(actor, experiment)]


PanelContext = Callable[["Actor", "Run"], "Mapping[str, Any] | None"]
_panels: list[tuple[str, PanelContext]] = []


def run_panel_register(template: str, context_fn: PanelContext) -> None:
    """A room above adds a card to the page of a run; a context of None leaves it out."""
    if (template, context_fn) not in _panels:
        _panels.append((template, context_fn))


def run_panels(actor: Actor, run: Run) -> list[tuple[str, Mapping[str, Any]]]:
    """(template, context) of each card."""
    found = [(template, context(actor, run)) for template, context in _panels]
    return [(template, context) for template, context in found if context is not None]


RunsContext = Callable[["Actor", "Sequence[Run]"], "Mapping[str, Any] | None"]
_runs_panels: list[tuple[str, RunsContext]] = []


def runs_panel_register(template: str, context_fn: RunsContext) -> None:
    """A room above adds a card to the comparison of runs; a context of None leaves it out."""
    if (template, context_fn) not in _runs_panels:
        _runs_panels.append((template, context_fn))


def runs_panels(actor: Actor, runs: Sequence[Run]) -> list[tuple[str, Mapping[str, Any]]]:
    """(template, context) of each card of a comparison."""
    found = [(template, context(actor, runs)) for template, context in _runs_panels]
    return [(template, context) for template, context in found if context is not None]


PurgeVeto = Callable[[uuid.UUID], "list[str]"]
_purge_vetoes: list[PurgeVeto] = []


def run_purge_veto_register(veto: PurgeVeto) -> None:
    """A room above says, in sentences, why the files of a run must stay (live version, open request)."""
    if veto not in _purge_vetoes:
        _purge_vetoes.append(veto)


def run_purge_vetoes(run_id: uuid.UUID) -> list[str]:
    """Every reason against removing the files of a run."""
    return [reason for veto in _purge_vetoes for reason in veto(run_id)]
