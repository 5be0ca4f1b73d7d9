"""Groupings: everyone, every segment, every crossing of two and stated ones of three.

No grouping holds an array of rows: its groups are looked up from the codes of its segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Place, group_key
from analysis.segment_metrics.passes import cells_count
from analysis.segments import SegmentCodes

MAX_CELLS = 5_000
"""Groups that one crossing may have."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """A partition of `rows` rows into `len(cells)` groups.

    `cells[g]` holds the level of each of `parts` for group g; crossings hold only groups that have rows. `table` int32
    [product of the parts' levels] is the group of each cell, levels of the last part side by side, -1 without rows.
    """

    parts: tuple[SegmentCodes, ...]
    rows: int
    table: npt.NDArray[np.int32]
    cells: tuple[tuple[int, ...], ...]

    def codes(self) -> npt.NDArray[np.int32]:
        """The group of every row, made anew at each call."""
        if not self.parts:
            return np.zeros(self.rows, np.int32)
        cell = self.parts[0].codes.astype(np.int32)
        for part in self.parts[1:]:
            cell *= np.int32(len(part.labels))
            cell += part.codes
        return self.table[cell]

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
    return Grouping((), rows, np.zeros(1, np.int32), ((),))


def single(segment: SegmentCodes) -> Grouping:
    """The groups of one segment, empty ones included."""
    size = len(segment.labels)
    return Grouping(
        (segment,), segment.codes.size, np.arange(size, dtype=np.int32), tuple((level,) for level in range(size))
    )


def crossing(*parts: SegmentCodes) -> Grouping:
    """The groups of two or three segments taken together, those that have rows."""
    shape = tuple(len(part.labels) for part in parts)
    counts = np.zeros(int(np.prod(shape)), np.int64)
    first, second, third = (*(part.codes for part in parts), np.zeros(0, np.uint8))[:3]
    cells_count(first, second, third, np.asarray((*shape[1:], 1)[:2], np.int64), len(parts), counts)
    present = np.flatnonzero(counts)
    table = np.full(counts.size, -1, np.int32)
    table[present] = np.arange(present.size, dtype=np.int32)
    levels = np.stack(np.unravel_index(present, shape), axis=1)
    return Grouping(parts, first.size, table, tuple(tuple(one) for one in levels.tolist()))


def groupings_build(
    segments: Sequence[SegmentCodes],
    rows: int,
    *,
    crossings: bool = True,
    triples: Sequence[tuple[str, str, str]] = (),
) -> tuple[list[Grouping], list[str]]:
    """Everyone, each segment, each crossing of two and the named ones of three, with notes on what was left out.

    The three names of a triple are put in the order of the segments.
    """
    usable = [segment for segment in segments if segment.labels]
    found = [everyone(rows), *(single(segment) for segment in usable)]
    wanted: list[tuple[SegmentCodes, ...]] = list(combinations(usable, 2)) if crossings else []
    notes = []
    for names in triples:
        three = tuple(one for one in usable if one.spec.name in names)
        if len(three) == 3:
            wanted.append(three)
        else:
            notes.append(f"The crossing of {' and '.join(names)} was left out: one of them could not be evaluated.")
    for parts in wanted:
        if np.prod([len(part.labels) for part in parts]) > MAX_CELLS:
            names_of = " and ".join(part.spec.name for part in parts)
            notes.append(f"The crossing of {names_of} has more than {MAX_CELLS} groups and was left out.")
            continue
        found.append(crossing(*parts))
    return found, notes
