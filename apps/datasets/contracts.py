"""What leaves the room: faults of a file, roles, and changes that upper rooms listen to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.core.actors import Actor
    from apps.datasets.models import DatasetVersion

MAX_BYTES = 2 * 1024**3
MAX_COLUMNS = 2000
PART_BYTES = 8 * 1024**2
MAX_PART_BYTES = 16 * 1024**2
MIN_PART_BYTES = 1024**2
"""Only the last part may be smaller, so that a file has at most 2,048 parts."""


class ColumnType(StrEnum):
    """What the profile says about a column's values."""

    INTEGER = "INTEGER"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    DATE = "DATE"
    DATETIME = "DATETIME"


class ColumnRole(StrEnum):
    """What a column is for. A SEGMENT column divides the rows and is kept out of training. A WEIGHT says how much a row
    counts in evaluations, a QUERY which rows of a ranking belong together.
    """

    TARGET = "TARGET"
    FEATURE = "FEATURE"
    SEGMENT = "SEGMENT"
    ID = "ID"
    TIME = "TIME"
    WEIGHT = "WEIGHT"
    QUERY = "QUERY"
    IGNORED = "IGNORED"


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a file is not taken: a code, one sentence, the place (1-based) and the lines around it."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    lines: tuple[tuple[int, str], ...] = ()
    mark: tuple[int, int] | None = None
    """Start and end, in characters, of the fault within its line."""

    def to_json(self) -> dict[str, Any]:
        """As stored on a failed version and sent in `items` of an error."""
        return {
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "lines": [list(line) for line in self.lines],
            "mark": list(self.mark) if self.mark else None,
        }


class DataChangeKind(StrEnum):
    """What happened to a version."""

    SEALED = "SEALED"
    FAILED = "FAILED"
    QUARANTINED = "QUARANTINED"
    RELEASED = "RELEASED"
    RECALLED = "RECALLED"
    PURGED = "PURGED"


@dataclass(frozen=True, slots=True)
class DataChange:
    """A change that may concern what was made from the data; sent inside its transaction."""

    kind: DataChangeKind
    team_id: uuid.UUID
    version_id: uuid.UUID
    summary: str


DataListener = Callable[[DataChange], None]
PurgeVeto = Callable[[uuid.UUID], list[str]]
_listeners: list[DataListener] = []
_vetoes: list[PurgeVeto] = []


def data_listener_register(listener: DataListener) -> None:
    """Called from an upper room's `AppConfig.ready()`; runs in the transaction of the change."""
    if listener not in _listeners:
        _listeners.append(listener)


def data_listeners_tell(change: DataChange) -> None:
    """Tell every listener; an error of a listener undoes the change."""
    for listener in _listeners:
        listener(change)


def purge_veto_register(veto: PurgeVeto) -> None:
    """An upper room says, in sentences, why the bytes of a version must stay (live model, open request)."""
    if veto not in _vetoes:
        _vetoes.append(veto)


def purge_vetoes(version_id: uuid.UUID) -> list[str]:
    """Every reason against purging a version."""
    return [reason for veto in _vetoes for reason in veto(version_id)]


PanelContext = Callable[["Actor", "DatasetVersion"], "Mapping[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class DataPanel:
    """A card in the column of facts of a version's page: `context(actor, version)` feeds `template`; None leaves the
    card out.
    """

    template: str
    context: PanelContext


_panels: list[DataPanel] = []


def data_panel_register(template: str, context_fn: PanelContext) -> None:
    """An upper room adds a card to the page of every version. Called from its `AppConfig.ready()`.

    The context function runs once for each page: read with few queries.
    """
    if not any(panel.template == template for panel in _panels):
        _panels.append(DataPanel(template, context_fn))


def data_panel_list() -> list[DataPanel]:
    """The cards, in the order of registration."""
    return list(_panels)
