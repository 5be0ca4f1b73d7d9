"""What the audit room shares: the report of a check, and how the things it names become links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.core.actors import Actor

# Tail entries older than this many seconds say that the sealer stands still.
TAIL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ChainFault:
    """One place where the chain does not hold."""

    kind: str
    """ALTERED, MISSING, REORDERED or BROKEN_LINK."""
    sequence: int
    event_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome of checking the chain."""

    checked: int
    last_sequence: int
    last_hash: str
    tail: int
    tail_seconds: float
    faults: tuple[ChainFault, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def first_fault(self) -> ChainFault | None:
        return self.faults[0] if self.faults else None

    @property
    def sealer_late(self) -> bool:
        """The unsealed tail is older than it should be: the sealer does not run."""
        return self.tail_seconds > TAIL_SECONDS


LinkMaker = Callable[[str], str]
Opens = Callable[[Actor], bool]
_links: dict[str, tuple[LinkMaker, Opens | None]] = {}


def link_register(object_type: str, maker: LinkMaker, *, opens: Opens | None = None) -> None:
    """A room says where a thing of its own is shown: `maker(id) -> path`, and who can open it (None: who sees it)."""
    _links[object_type] = (maker, opens)


def link_of(object_type: str, object_id: str, actor: Actor | None = None) -> str:
    """The page of a thing; empty when its room shows none, or none that this actor can open."""
    maker, opens = _links.get(object_type, (None, None))
    if maker is None or (opens is not None and not (actor and opens(actor))):
        return ""
    return maker(object_id)
