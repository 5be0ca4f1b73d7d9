"""Who may be shown: groups below least support, and the others that would give their numbers away.

A group of a protected segment (or of a crossing with one) below least support in rows, positives or negatives
is suppressed. Since the numbers of everyone and of whole segments are shown, a single hidden group could be
had by subtraction; so in every line of a partition that holds a hidden group, the smallest shown group is
hidden too until at least two groups are hidden and together reach least support. Other groups below least
support are thin: shown, never judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.contracts.segments import Support
from analysis.segment_metrics.groupings import Grouping

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

COMPLEMENT = "its numbers would give away those of a smaller group"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows, positives and negatives of each group of one grouping; the latter two None unless there are two
    classes. `effective` is the effective number of rows where rows have weights.
    """

    rows: Ints
    positives: Ints | None = None
    negatives: Ints | None = None
    effective: npt.NDArray[np.float64] | None = None

    def below(self, least: Support) -> Bools:
        """Which groups do not reach the least support."""
        short = self.rows < least.rows
        if self.positives is not None and self.negatives is not None:
            short = short | (self.positives < least.positives) | (self.negatives < least.negatives)
        return short

    def together(self, groups: Ints) -> "Sizes":
        """The sizes of several groups taken as one."""

        def total(counts: Ints | None) -> Ints | None:
            return None if counts is None else counts[groups].sum(keepdims=True)

        return Sizes(self.rows[groups].sum(keepdims=True), total(self.positives), total(self.negatives))


@dataclass(frozen=True, slots=True)
class Standing:
    """Per group of a grouping: the reason it is suppressed or thin, or None."""

    suppressed: tuple[str | None, ...]
    thin: tuple[str | None, ...]

    def usable(self) -> Bools:
        """Groups that are shown and judged."""
        return np.asarray([a is None and b is None for a, b in zip(self.suppressed, self.thin, strict=True)], np.bool_)

    def shown(self) -> Bools:
        """Groups whose numbers are shown."""
        return np.asarray([reason is None for reason in self.suppressed], np.bool_)


def least_support(grouping: Grouping, default: Support) -> Support:
    """What a grouping's groups need: the default for everyone, the segment's own, the stricter of two
    crossed.
    """
    needed: Support | None = None
    for part in grouping.parts:
        needed = part.spec.least_support if needed is None else needed.both(part.spec.least_support)
    return needed or default


def standings(groupings: Sequence[Grouping], sizes: Sequence[Sizes], default: Support) -> list[Standing]:
    """Judge every group of every grouping; singles must come before the crossings that use them, pairs before triples.

    A group of a crossing is hidden with each group of a part of it that is hidden.
    """
    hidden_before: dict[tuple[str, ...], dict[tuple[int, ...], bool]] = {}
    found = []
    for grouping, size in zip(groupings, sizes, strict=True):
        least = least_support(grouping, default)
        below = size.below(least)
        primary = np.zeros(grouping.size, np.bool_)
        hidden = primary.copy()
        if grouping.protected:
            primary = below & (size.rows > 0)
            hidden = primary.copy()
            ids = tuple(part.spec.id for part in grouping.parts)
            for axes in _subsets(len(ids)):
                known = hidden_before.get(tuple(ids[axis] for axis in axes))
                if known is not None:
                    hidden |= [known.get(tuple(cell[axis] for axis in axes), False) for cell in grouping.cells]
            _hide_complements(hidden, _lines(grouping), size, least)
            hidden_before[ids] = dict(zip(grouping.cells, hidden.tolist(), strict=True))
        found.append(_standing(grouping, size, least, primary, hidden, below))
    return found


def _subsets(parts: int) -> list[tuple[int, ...]]:
    """The proper parts of a crossing, none and all of it left out."""
    return [axes for count in range(1, parts) for axes in combinations(range(parts), count)]


def _lines(grouping: Grouping) -> list[Ints]:
    """The sets of groups whose total is shown elsewhere: all of a segment; of a crossing, those that share the levels
    of some of its segments.
    """
    if len(grouping.parts) < 2:
        return [np.arange(grouping.size)]
    cells = np.asarray(grouping.cells).reshape(grouping.size, -1)
    lines = []
    for axes in _subsets(cells.shape[1]):
        _, line = np.unique(cells[:, axes], axis=0, return_inverse=True)
        lines += [np.flatnonzero(line == each) for each in range(int(line.max(initial=-1)) + 1)]
    return lines


def _hide_complements(hidden: Bools, lines: list[Ints], sizes: Sizes, least: Support) -> None:
    """Hide further groups in place until no line gives a hidden group away."""
    changed = True
    while changed:
        changed = False
        for line in lines:
            members = line[sizes.rows[line] > 0]
            inside = members[hidden[members]]
            while inside.size and (inside.size < 2 or bool(sizes.together(inside).below(least)[0])):
                open_groups = members[~hidden[members]]
                if open_groups.size == 0:
                    break
                hidden[open_groups[np.argmin(sizes.rows[open_groups])]] = True
                inside = members[hidden[members]]
                changed = True


def _standing(
    grouping: Grouping, sizes: Sizes, least: Support, primary: Bools, hidden: Bools, below: Bools
) -> Standing:
    suppressed: list[str | None] = []
    thin: list[str | None] = []
    few = np.zeros(grouping.size, np.bool_) if sizes.effective is None else ~(sizes.effective >= least.rows)
    for group in range(grouping.size):
        reason = None
        if hidden[group]:
            reason = _needs(sizes, least) if primary[group] else COMPLEMENT
        suppressed.append(reason)
        thin.append(_short(sizes, least, group) if (below[group] or few[group]) and reason is None else None)
    return Standing(tuple(suppressed), tuple(thin))


def _needs(sizes: Sizes, least: Support) -> str:
    if sizes.positives is None:
        return f"fewer than {least.rows} rows"
    return f"fewer than {least.rows} rows, {least.positives} positives or {least.negatives} negatives"


def _short(sizes: Sizes, least: Support, group: int) -> str:
    rows = int(sizes.rows[group])
    if rows == 0:
        return "no rows"
    if rows < least.rows:
        return f"n = {rows}, needs {least.rows}"
    for counts, word, needed in (
        (sizes.positives, "positives", least.positives),
        (sizes.negatives, "negatives", least.negatives),
    ):
        if counts is not None and counts[group] < needed:
            return f"{int(counts[group])} {word}, needs {needed}"
    if sizes.effective is not None:
        return f"effective n = {sizes.effective[group]:.0f}, needs {least.rows}"
    return "below least support"
