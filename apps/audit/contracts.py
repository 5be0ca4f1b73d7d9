"""What the audit room shares: the report of a check, and how the things it names become links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
_links: dict[str, LinkMaker] = {}


def link_register(object_type: str, maker: LinkMaker) -> None:
    """A room says where a thing of its own is shown: `maker(id) -> path`."""
    _links[object_type] = maker


def link_of(object_type: str, object_id: str) -> str:
    """The page of a thing; empty when its room shows none."""
    maker = _links.get(object_type)
    return maker(object_id) if maker else ""
