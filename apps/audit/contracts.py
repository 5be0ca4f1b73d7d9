"""What the audit room shares: the report of a check."""

from __future__ import annotations

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
