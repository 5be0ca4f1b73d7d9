"""Groupings: everyone, every segment, every crossing of two; one whole number per row each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Place, group_key
from analysis.segments import SegmentCodes

MAX_CELLS = 5_000
"""Groups that one crossing may have."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """A partition of the rows: `codes` (int32 per row) into `len(cells)` groups.

    `cells[g]` holds the level of each of `parts` for group g. Crossings hold only groups that have rows.
    """

    parts: tuple[SegmentCodes, ...]
    codes: npt.NDArray[np.int32]
    cells: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.cells)

    @property
    def protected(self) -> bool:
        """Is one of the segments protected?"""
        return any(part.spec.protected for part in self.parts)

    def places(self, group: int) -> tuple[Place, ...]:
        """Which level of which segment a group is."""
        return tuple(
            Place(part.spec.id, part.spec.name, part.labels[level])
            for part, level in zip(self.parts, self.cells[group], strict=True)
        )

    def key(self, group: int) -> str:
        """The group's key in a report."""
        return group_key(self.places(group))

    def label(self, group: int) -> str:
        """The group's name for people: "Everyone", "35 and over", "White, 35 and over", "Citizen: No"."""
        return ", ".join(place_label(place) for place in self.places(group)) or "Everyone"


_BARE = frozenset({"yes", "no", "true", "false", "missing", "other", "unknown", "none"})


def place_label(place: Place) -> str:
    """A level by itself where it speaks for itself, else behind its segment's name: "Citizen: No", "Checks: 3"."""
    level = place.level.strip()
    bare = level in ("Y", "N") or level.lower() in _BARE or not any(sign.isalpha() for sign in place.level)
    return f"{place.name}: {place.level}" if bare else place.level


def everyone(rows: int) -> Grouping:
    """The grouping with one group of all rows."""
    return Grouping((), np.zeros(rows, np.int32), ((),))


def single(segment: SegmentCodes) -> Grouping:
    """The groups of one segment, empty ones included."""
    return Grouping((segment,), segment.codes, tuple((level,) for level in range(len(segment.labels))))


def crossing(first: SegmentCodes, second: SegmentCodes) -> Grouping:
    """The groups of two segments taken together, those that have rows."""
    wide = first.codes * np.int32(len(second.labels)) + second.codes
    present = np.flatnonzero(np.bincount(wide, minlength=len(first.labels) * len(second.labels)))
    compact = np.zeros(len(first.labels) * len(second.labels), np.int32)
    compact[present] = np.arange(present.size, dtype=np.int32)
    cells = tuple(divmod(int(cell), len(second.labels)) for cell in present)
    return Grouping((first, second), compact[wide], cells)


def groupings_build(
    segments: Sequence[SegmentCodes], rows: int, *, crossings: bool = True
) -> tuple[list[Grouping], list[str]]:
    """Everyone, each segment and each crossing of two, with notes on what was left out as too many groups."""
    usable = [segment for segment in segments if segment.labels]
    found = [everyone(rows), *(single(segment) for segment in usable)]
    notes = []
    for first, second in combinations(usable, 2) if crossings else ():
        if len(first.labels) * len(second.labels) > MAX_CELLS:
            names = f"{first.spec.name} and {second.spec.name}"
            notes.append(f"The crossing of {names} has more than {MAX_CELLS} groups and was left out.")
            continue
        found.append(crossing(first, second))
    return found, notes
