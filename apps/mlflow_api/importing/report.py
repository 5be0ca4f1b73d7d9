"""What an import did, what stayed behind and why, and whether the copy is the original."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Note:
    """One thing and what is to be said of it."""

    what: str
    name: str
    why: str


@dataclass
class Report:
    """Grows while an import runs."""

    source: str
    team: str
    # What this import wrote.
    written: Counter[str] = field(default_factory=Counter)
    # Counted in the source and here, once all is copied.
    there: Counter[str] = field(default_factory=Counter)
    here: Counter[str] = field(default_factory=Counter)
    left: list[Note] = field(default_factory=list)
    differs: list[Note] = field(default_factory=list)
    verified: bool = False

    def leave(self, what: str, name: str, why: str) -> None:
        """Note what stays behind, once."""
        note = Note(what, name[:200], why)
        if note not in self.left:
            self.left.append(note)

    def differ(self, what: str, name: str, why: str) -> None:
        self.differs.append(Note(what, name[:200], why))

    @property
    def ok(self) -> bool:
        """Whether everything that could come is here as it is there."""
        return not self.differs

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "source": self.source,
            "team": self.team,
            "ok": self.ok,
            "verified": self.verified,
            "written": {kind: count for kind, count in self.written.items() if count},
            "counts": {kind: {"there": count, "here": self.here[kind]} for kind, count in self.there.items()},
            "left_behind": [{"what": n.what, "name": n.name, "why": n.why} for n in self.left],
            "differs": [{"what": n.what, "name": n.name, "why": n.why} for n in self.differs],
        }

    def as_text(self) -> str:
        """For people."""
        lines = [f"From {self.source} into {self.team}"]
        lines += [f"  {count:>10,} {kind} written" for kind, count in self.written.items() if count]
        if self.verified:
            lines.append("Read once more and compared:")
            lines += [f"  {self.here[kind]:>10,} of {count:,} {kind}" for kind, count in self.there.items()]
        if self.left:
            lines.append("Left behind or changed:")
            lines += [f"  {note.what} {note.name}: {note.why}" for note in self.left]
        if self.differs:
            lines.append("Not as in the source:")
            lines += [f"  {note.what} {note.name}: {note.why}" for note in self.differs]
        if self.verified and self.ok:
            lines.append("What could come is here as it is there.")
        return "\n".join(lines)
