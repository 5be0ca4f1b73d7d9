"""What rooms above tell the registry: which version is live, and what they show on the pages of models and versions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.core.actors import Actor
    from apps.registry.models import ModelVersion

LiveLookup = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, uuid.UUID]]
_live_lookup: list[LiveLookup] = []


def live_lookup_register(lookup: LiveLookup) -> None:
    """`lookup(model ids) -> {model id: version id}`; registered by the room that deploys."""
    _live_lookup[:] = [lookup]


def live_version_ids(model_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID]:
    """The versions that answer in production now, by model; models of which none does are left out."""
    return _live_lookup[0](model_ids) if _live_lookup else {}


def live_version_id(model_id: uuid.UUID) -> uuid.UUID | None:
    """The version of a model that answers in production now; None when none does."""
    return live_version_ids([model_id]).get(model_id)


PanelContext = Callable[["Actor", "ModelVersion"], "Mapping[str, Any] | None"]


@dataclass(frozen=True, slots=True)
class VersionPanel:
    """A card on the version page: `context(actor, version)` feeds `template`; None leaves the card out.

    `place` is "main" (the wide column) or "aside" (the column of facts); cards of one place follow `order`, then the
    order of registration. The template gets `version`, `can_register` and the page's own context beside the returned
    mapping; it draws a whole `<section class="fw-card">`.
    """

    template: str
    context: PanelContext
    place: str
    order: int


_panels: list[VersionPanel] = []


def version_panel_register(template: str, context_fn: PanelContext, *, place: str = "main", order: int = 50) -> None:
    """A room above adds a card to the page of every version. Called from its `AppConfig.ready()`.

    The context function runs once for each page: read with few queries (the page has 15 for all cards together).
    """
    if not any(panel.template == template and panel.context is context_fn for panel in _panels):
        _panels.append(VersionPanel(template, context_fn, place, order))


def version_panel_list(place: str) -> list[VersionPanel]:
    """The cards of one place, in order."""
    return sorted((panel for panel in _panels if panel.place == place), key=lambda panel: panel.order)


@dataclass(frozen=True, slots=True)
class VersionBadge:
    """A derived word beside a version: `code` gives shape and colour (apps.core.states), `url` what it follows from."""

    code: str
    word: str = ""
    url: str = ""


BadgeSource = Callable[["Actor", "Sequence[ModelVersion]"], "Mapping[uuid.UUID, Sequence[VersionBadge]]"]
_badges: list[BadgeSource] = []


def version_badges_register(source: BadgeSource) -> None:
    """A room above derives words such as "approved" for a page of versions at once, in a query or two."""
    if source not in _badges:
        _badges.append(source)


def version_badges(actor: Actor, versions: Sequence[ModelVersion]) -> dict[uuid.UUID, list[VersionBadge]]:
    """What the rooms above say of these versions."""
    found: dict[uuid.UUID, list[VersionBadge]] = {version.pk: [] for version in versions}
    for source in _badges:
        for pk, badges in source(actor, versions).items():
            found.setdefault(pk, []).extend(badges)
    return found


@dataclass(frozen=True, slots=True)
class VersionVerdict:
    """One sentence of a room above for the verdict line of the version page; `tone`: good, info, warn, bad."""

    tone: str
    title: str
    text: str = ""
    action_label: str = ""
    action_url: str = ""


VerdictSource = Callable[["Actor", "ModelVersion"], "VersionVerdict | None"]
_verdicts: list[VerdictSource] = []


def version_verdict_register(source: VerdictSource) -> None:
    """A room above adds a line under the registry's own verdict of a version ("1 gate fails")."""
    if source not in _verdicts:
        _verdicts.append(source)


def version_verdicts(actor: Actor, version: ModelVersion) -> list[VersionVerdict]:
    """The lines that the rooms above have for this version."""
    return [line for source in _verdicts if (line := source(actor, version)) is not None]
