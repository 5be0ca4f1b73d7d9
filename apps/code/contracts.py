"""What leaves the room: limits, kinds of bundles, entries, and who uses an environment."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apps.code.models import Bundle
    from apps.core.actors import Actor

MIB: Final = 1024 * 1024
MAX_BYTES: Final = 64 * MIB
"""Of a bundle as it is sent."""
MAX_UNPACKED: Final = 256 * MIB
MAX_FILES: Final = 2_000
MAX_SOURCE: Final = 1 * MIB
"""Of one source file that is read for its parameters."""
MAX_LOCK: Final = 2 * MIB


@dataclass(frozen=True, slots=True)
class Entry:
    """One way into a bundle.

    `how`: "function" (called with the values), "script" (a file, run with a command line), "program" (a function that
    reads the command line itself), "notebook". `before`: words that stand before the options, such as a subcommand.
    `source` says where the parameters were found; `notes` what could not be taken over. Of a notebook, `blocks` are
    sentences on what keeps it from running, and `imports` the modules that it imports with the cell of each.
    `checkpoint`: the folder whose files it can go on from.
    """

    id: str
    how: str
    target: str
    schema: Mapping[str, Any]
    source: str = ""
    title: str = ""
    before: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    imports: tuple[tuple[str, int], ...] = ()
    checkpoint: str = ""

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {**asdict(self), "schema": dict(self.schema)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        texts = {name: tuple(data.get(name, ())) for name in ("before", "notes", "blocks")}
        imports = tuple((str(name), int(cell)) for name, cell in data.get("imports", ()))
        return cls(**{**data, **texts, "imports": imports})


@dataclass(frozen=True, slots=True)
class EnvironmentUse:
    """What uses an environment, or keeps it from being removed."""

    label: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class EnvironmentUses:
    """Of one environment: how many runs used it, the newest of them, and what keeps it."""

    runs: int = 0
    newest: tuple[EnvironmentUse, ...] = field(default=())
    keepers: tuple[EnvironmentUse, ...] = field(default=())


UseSource = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, EnvironmentUses]]
_sources: list[UseSource] = []


def environment_use_register(source: UseSource) -> None:
    """A room above says who uses environments: `source(ids) -> {id: uses}`. Called from its `AppConfig.ready()`."""
    if source not in _sources:
        _sources.append(source)


def environment_uses(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, EnvironmentUses]:
    """Who uses each of these environments, over all rooms."""
    found = {pk: EnvironmentUses() for pk in pks}
    for source in _sources:
        for pk, uses in source(pks).items():
            held = found[pk]
            newest, keepers = (*held.newest, *uses.newest), (*held.keepers, *uses.keepers)
            found[pk] = EnvironmentUses(held.runs + uses.runs, newest, keepers)
    return found


BundlePanel = Callable[["Actor", "Bundle"], "Mapping[str, Any] | None"]
_bundle_panels: list[tuple[str, BundlePanel]] = []


def bundle_panel_register(template: str, context_fn: BundlePanel) -> None:
    """A room above adds a card to the page of a bundle; a context of None leaves it out."""
    if (template, context_fn) not in _bundle_panels:
        _bundle_panels.append((template, context_fn))


def bundle_panels(actor: Actor, bundle: Bundle) -> list[tuple[str, Mapping[str, Any]]]:
    """(template, context) of each card."""
    found = [(template, context(actor, bundle)) for template, context in _bundle_panels]
    return [(template, context) for template, context in found if context is not None]
