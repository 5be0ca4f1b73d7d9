"""What rooms register about themselves in `AppConfig.ready()`; nothing is found by scanning."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from apps.core.actors import Actor


@dataclass(frozen=True, slots=True)
class NavEntry:
    """An entry of the left rail; `visible(actor, team_id)` says whether it shows, `counted(actor, team_id)` gives the
    rows whose number is its badge."""

    key: str
    label: str
    icon: str
    url_name: str
    order: int
    shortcut: str = ""
    visible: Callable[[Actor, uuid.UUID | None], bool] = lambda actor, team_id: True
    counted: Callable[[Actor, uuid.UUID | None], QuerySet[Any]] | None = None


_navigation: dict[str, NavEntry] = {}


def navigation_register(entry: NavEntry) -> None:
    _navigation[entry.key] = entry


def navigation_list(actor: Actor, team_id: uuid.UUID | None) -> list[NavEntry]:
    """Entries that this actor can open, in order."""
    return sorted((e for e in _navigation.values() if e.visible(actor, team_id)), key=lambda e: e.order)


@dataclass(frozen=True, slots=True)
class Station:
    """One buoy of the fairway strip of a problem."""

    key: str
    name: str
    state: str = "not started"
    tone: str = "none"
    object_label: str = ""
    object_url: str = ""
    of: str = ""
    """What the state is the state of, where that is not the object's own name: "v3" of an evaluation."""
    wait: str = ""
    here: bool = False
    ahead: bool = True
    live: bool = False
    ships: tuple[tuple[str, str], ...] = ()
    """Flags that ride on the channel: (label, "candidate" or "live")."""
    say: str = ""
    """One sentence on who has to move next, when the journey waits here."""
    say_more: str = ""
    action_label: str = ""
    action_url: str = ""


STATIONS = (
    ("question", "Question"),
    ("data", "Data"),
    ("runs", "Runs"),
    ("evaluation", "Evaluation"),
    ("approval", "Approval"),
    ("live", "Live"),
    ("watch", "Watch"),
)

StationSource = Callable[[Actor, uuid.UUID], Station]
_stations: dict[str, StationSource] = {}


def station_register(key: str, source: StationSource) -> None:
    """A room answers for one station: `source(actor, problem_id) -> Station`."""
    _stations[key] = source


def station_list(actor: Actor, problem_id: uuid.UUID) -> list[Station]:
    """The stations of a problem's strip; a station that no room answers for yet is left out."""
    return [_stations[key](actor, problem_id) for key, _ in STATIONS if key in _stations]


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of the search over all objects."""

    kind: str
    label: str
    detail: str
    url: str
    icon: str = ""


@dataclass(frozen=True, slots=True)
class AdminTab:
    """A sibling among the administration's pages; `visible` decides by rights."""

    key: str
    label: str
    url_name: str
    order: int
    visible: Callable[[Actor], bool] = lambda actor: True


_admin_tabs: dict[str, AdminTab] = {}


def admin_tab_register(*tabs: AdminTab) -> None:
    """A room adds pages to the administration."""
    for tab in tabs:
        _admin_tabs[tab.key] = tab


def admin_tabs(actor: Actor, current: str) -> list[dict[str, Any]]:
    """The tabs that this actor can open, for `components/tabs.html`."""
    shown = sorted((tab for tab in _admin_tabs.values() if tab.visible(actor)), key=lambda tab: tab.order)
    return [{"label": tab.label, "url": reverse(tab.url_name), "current": tab.key == current} for tab in shown]


SearchSource = Callable[[Actor, str, int], Iterable[Hit]]
_searches: dict[str, SearchSource] = {}


def search_register(kind: str, source: SearchSource) -> None:
    """A room answers a search: `source(actor, text, limit) -> hits`, already limited to what the actor may see."""
    _searches[kind] = source


def search_all(actor: Actor, text: str, limit: int = 6) -> list[Hit]:
    return [hit for source in _searches.values() for hit in source(actor, text, limit)]


@dataclass(frozen=True, slots=True)
class Command:
    """An action of the command palette; `visible` decides by rights."""

    label: str
    url_name: str
    icon: str = "arrow-right"
    visible: Callable[[Actor], bool] = lambda actor: True
    args: tuple[Any, ...] = field(default=())


_commands: list[Command] = []


def command_register(command: Command) -> None:
    _commands.append(command)


def command_list(actor: Actor) -> list[Command]:
    return [c for c in _commands if c.visible(actor)]


@dataclass(frozen=True, slots=True)
class HomeItem:
    """Something that waits for a person, or that happened, on the home page."""

    title: str
    url: str
    text: str = ""
    tone: str = "none"
    at: Any = None
    meta: tuple[str, ...] = ()
    action_label: str = ""


HomeSource = Callable[[Actor, "uuid.UUID | None"], Iterable[HomeItem]]
_waiting: dict[str, HomeSource] = {}


def waiting_register(key: str, source: HomeSource) -> None:
    """A room names what waits for this actor in this team."""
    _waiting[key] = source


def waiting_list(actor: Actor, team_id: uuid.UUID | None) -> list[HomeItem]:
    items = [item for source in _waiting.values() for item in source(actor, team_id)]
    return sorted(items, key=lambda i: (i.at is None, i.at))
