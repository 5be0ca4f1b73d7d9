"""The frontier of quality against disparity, over one threshold or one for each group.

Selection rate, recall and false positive rate all fall as a threshold rises, so the thresholds at which a group's rate
lies in a window are neighbours, and the best of them is a lookup in a table of range maxima. Every group's best
threshold in a common window of width w gives the best setting whose range is at most w, over all windows. For selection
rate, recall and false positive rate the windows begin at every value that a group can have, which is exact for the
stored bins; for equalized odds, where two windows move, they begin at hundredths, so that nothing better has a range
below w - 0.01.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import Costs
from analysis.contracts.criteria import DEMOGRAPHIC_PARITY, EQUAL_OPPORTUNITY, FOUR_FIFTHS
from analysis.contracts.report import Estimate, LeftOut
from analysis.fairness import EQUALIZED_ODDS, RANGE, RATIO, EstimatesAt, gap_find
from analysis.intervals import Floats
from analysis.mitigation.wording import WHAT_IF, caution_text
from analysis.segment_metrics.binary import BINS, BinaryStatistics, count_estimates

SINGLE: Final = "one threshold"
PER_GROUP: Final = "a threshold per group"
ACCURACY: Final = "accuracy"
COST: Final = "cost_per_100"

FALSE_POSITIVE_PARITY: Final = "FALSE_POSITIVE_PARITY"
CONSTRAINTS: Final[dict[str, tuple[str, ...]]] = {
    DEMOGRAPHIC_PARITY: ("selection_rate",),
    FOUR_FIFTHS: ("selection_rate",),
    EQUAL_OPPORTUNITY: ("tpr",),
    FALSE_POSITIVE_PARITY: ("fpr",),
    EQUALIZED_ODDS: ("tpr", "fpr"),
}
"""What can be asked of the groups, and the rates that have to be near each other for it."""

STEPS: Final = 40
"""Settings that a frontier is looked for at, between no disparity and that of the best quality."""
_GRID: Final = 100
_TIE: Final = 1e-7

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupSetting:
    """One group at its threshold; metrics with intervals for that group alone."""

    label: str
    threshold: float
    n: int
    metrics: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Setting:
    """Thresholds for all groups: quality over all their rows, the disparity with its interval, and each group.

    `constant` says that everyone or nobody is chosen, which is fair in the poorest sense.
    """

    quality: Estimate
    disparity: Estimate
    groups: tuple[GroupSetting, ...]
    constant: bool


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer: what is today, the frontier from least disparity to best quality, and the best within the limit.

    `chosen` is None exactly when `reason` says why. `caution` is None for one threshold. `note` belongs beside every
    number.
    """

    shape: str
    constraint: str
    quality: str
    limit: float
    today: Setting
    frontier: tuple[Setting, ...]
    chosen: Setting | None
    left_out: tuple[LeftOut, ...]
    note: str
    caution: str | None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def what_if(
    statistics: BinaryStatistics,
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    segment: str,
    protected: bool,
    threshold: float,
    constraint: str,
    limit: float,
    shape: str = SINGLE,
    quality: str = ACCURACY,
    costs: Costs | None = None,
    level: float = 0.95,
) -> WhatIf:
    """Look for thresholds of the groups of one segment, from the stored statistics of its groups.

    `threshold` is today's, rounded to a bin edge. Groups that are barred, or that lack the outcome a rate needs, keep
    it and are not compared, but count in the quality. For FOUR_FIFTHS the limit is the least ratio, otherwise the
    largest range. Raises ValueError for a constraint, shape or quality that there is not, a limit or threshold outside
    0 to 1, or the quality COST without costs.
    """
    _check(constraint, limit, shape, quality, threshold, costs)
    if statistics.histogram.dtype.kind not in "iu":
        raise ValueError("A what-if needs counted rows, not weighted ones")
    board = _Board.of(statistics, labels, barred, threshold, constraint, quality, costs, level)
    left_out = board.left_out()
    today = board.setting(np.full(len(labels), board.today))
    caution = caution_text(segment, protected=protected) if shape == PER_GROUP else None
    if board.used.size < 2:
        reason = "fewer than two groups can be compared"
        return WhatIf(shape, constraint, quality, limit, today, (), None, left_out, WHAT_IF, caution, reason)
    found = board.single() if shape == SINGLE else board.per_group(limit)
    frontier = _pareto(found, higher_is_fairer=constraint == FOUR_FIFTHS)
    within = [edges for disparity, _, edges in frontier if _holds(disparity, limit, constraint)]
    settings = tuple(board.setting(edges) for *_, edges in frontier)
    chosen = board.setting(within[-1]) if within else None
    none = None if within else "no threshold keeps the groups within the limit"
    return WhatIf(shape, constraint, quality, limit, today, settings, chosen, left_out, WHAT_IF, caution, none)


def _check(constraint: str, limit: float, shape: str, quality: str, threshold: float, costs: Costs | None) -> None:
    if constraint not in CONSTRAINTS:
        raise ValueError(f"The constraint is one of {', '.join(CONSTRAINTS)}")
    if shape not in (SINGLE, PER_GROUP):
        raise ValueError(f"Thresholds are {SINGLE} or {PER_GROUP}")
    if quality not in (ACCURACY, COST):
        raise ValueError(f"The quality is {ACCURACY} or {COST}")
    if quality == COST and costs is None:
        raise ValueError("The cost of errors needs the problem's costs")
    if not (0 <= limit <= 1 and 0 <= threshold <= 1):
        raise ValueError("A limit and a threshold lie between 0 and 1")


def _holds(disparity: float, limit: float, constraint: str) -> bool:
    return disparity >= limit - 1e-12 if constraint == FOUR_FIFTHS else disparity <= limit + 1e-12


@dataclass(frozen=True, slots=True)
class _Board:
    """Everything about every group at every edge: counts [G, E, 4] = tn, fp, fn, tp, gain [G, E] the larger the better,
    rates by name [G, E], and the groups that are compared.
    """

    labels: Sequence[str]
    barred: Sequence[str | None]
    counts: Ints
    gain: Floats
    rates: dict[str, Floats]
    used: Ints
    today: int
    constraint: str
    quality: str
    costs: Costs | None
    level: float

    @classmethod
    def of(
        cls,
        statistics: BinaryStatistics,
        labels: Sequence[str],
        barred: Sequence[str | None],
        threshold: float,
        constraint: str,
        quality: str,
        costs: Costs | None,
        level: float,
    ) -> "_Board":
        histogram = statistics.histogram.astype(np.int64)
        below = np.concatenate([np.zeros((len(histogram), 1, 2), np.int64), np.cumsum(histogram, axis=1)], axis=1)
        above = below[:, -1:] - below
        counts = np.stack([below[..., 0], above[..., 0], below[..., 1], above[..., 1]], axis=2)
        tn, fp, fn, tp = np.moveaxis(counts, 2, 0)
        with np.errstate(invalid="ignore"):
            rates = {
                "selection_rate": (fp + tp) / (tn + fp + fn + tp),
                "tpr": tp / (tp + fn),
                "fpr": fp / (fp + tn),
            }
        gain = (tp + tn).astype(np.float64)
        if quality == COST and costs is not None:
            gain = -(costs.false_positive * fp + costs.false_negative * fn)
        known = np.asarray([reason is None for reason in barred], np.bool_)
        for name in CONSTRAINTS[constraint]:
            known &= np.isfinite(rates[name][:, 0])
        today = round(threshold * BINS)
        return cls(labels, barred, counts, gain, rates, np.flatnonzero(known), today, constraint, quality, costs, level)

    def left_out(self) -> tuple[LeftOut, ...]:
        used = set(self.used.tolist())
        return tuple(
            LeftOut(label, reason or "it lacks the outcome that the rate is counted among")
            for group, (label, reason) in enumerate(zip(self.labels, self.barred, strict=True))
            if group not in used
        )

    def disparity(self, edges: Ints) -> float:
        """Of the groups compared, at an edge each; nan for a ratio when nobody is chosen."""
        values = [self.rates[name][self.used, edges[self.used]] for name in CONSTRAINTS[self.constraint]]
        if self.constraint == FOUR_FIFTHS:
            return float(values[0].min() / values[0].max()) if values[0].max() > 0 else float("nan")
        return max(float(np.ptp(one)) for one in values)

    def total(self, edges: Ints) -> float:
        return float(self.gain[np.arange(len(self.gain)), edges].sum())

    def single(self) -> list[tuple[float, float, Ints]]:
        """Disparity, gain and edges of every single threshold, for all groups."""
        settings = [np.full(len(self.labels), edge) for edge in range(BINS + 1)]
        return [(self.disparity(edges), self.total(edges), edges) for edges in settings]

    def per_group(self, limit: float) -> list[tuple[float, float, Ints]]:
        """The best settings at widths from nothing to what the best quality has, and at the limit."""
        table = _Maxima.of(self.gain[self.used] - _TIE * np.abs(np.arange(BINS + 1) - self.today))
        free = self._edges(table.best(np.zeros(self.used.size, np.int64), np.full(self.used.size, BINS)))
        widest = self.disparity(free)
        found = [(widest, self.total(free), free)] if np.isfinite(widest) else []
        ratio = self.constraint == FOUR_FIFTHS
        start = widest if ratio and np.isfinite(widest) else 0.0
        stop = 1.0 if ratio else (widest if np.isfinite(widest) else 1.0)
        for width in sorted({*np.linspace(start, stop, STEPS + 1).tolist(), limit}):
            edges = self._within(table, width)
            if edges is not None and np.isfinite(self.disparity(edges)):
                found.append((self.disparity(edges), self.total(edges), edges))
        return found

    def _edges(self, chosen: Ints) -> Ints:
        """Edges of all groups: those chosen for the compared, today's for the others."""
        edges = np.full(len(self.labels), self.today, np.int64)
        edges[self.used] = chosen
        return edges

    def _within(self, table: "_Maxima", width: float) -> Ints | None:
        """The best setting whose rates all lie in windows of that width (for a ratio: from a to a / width)."""
        first = np.zeros((1, self.used.size), np.int64)
        last = np.full((1, self.used.size), BINS)
        names = CONSTRAINTS[self.constraint]
        for name in names:
            rates = self.rates[name][self.used]
            starts = np.unique(rates) if len(names) == 1 else np.arange(_GRID + 1) / _GRID
            if self.constraint == FOUR_FIFTHS:
                starts = starts[starts > 0]
                ends = starts / width if width > 0 else np.full(starts.size, np.inf)
            else:
                ends = starts + width
            low, high = _neighbours(rates, starts - 1e-12, ends + 1e-12)
            first = np.maximum(first[:, None, :], low[None]).reshape(-1, self.used.size)
            last = np.minimum(last[:, None, :], high[None]).reshape(-1, self.used.size)
        possible = (first <= last).all(axis=1)
        if not possible.any():
            return None
        first, last = first[possible], last[possible]
        best = int(np.argmax(table.value(first, last).sum(axis=1)))
        return self._edges(table.best(first[best], last[best]))

    def setting(self, edges: Ints) -> Setting:
        """All that is shown of one setting."""
        counts = self.counts[np.arange(len(edges)), edges]

        def at(level: float) -> Any:
            return count_estimates(counts, costs=self.costs, level=level)

        whole = count_estimates(counts.sum(axis=0, keepdims=True), costs=self.costs, level=self.level)
        n = int(counts.sum())
        plain = at(self.level)
        rows = counts.sum(axis=1)
        groups = tuple(
            GroupSetting(
                label,
                int(edge) / BINS,
                int(rows[group]),
                {
                    name: plain[name].one(group, int(rows[group]))
                    for name in dict.fromkeys(("selection_rate", "tpr", "fpr", "precision", self.quality))
                },
            )
            for group, (label, edge) in enumerate(zip(self.labels, edges.tolist(), strict=True))
            if self.barred[group] is None
        )
        selected = int(counts[self.used][:, [1, 3]].sum())
        constant = selected in (0, int(counts[self.used].sum()))
        return Setting(whole[self.quality].one(0, n), self._gap(at), groups, constant)

    def _gap(self, at: EstimatesAt) -> Estimate:
        usable = np.isin(np.arange(len(self.labels)), self.used)
        kind = {EQUALIZED_ODDS: EQUALIZED_ODDS, FOUR_FIFTHS: RATIO}.get(self.constraint, RANGE)
        gap = gap_find(kind, CONSTRAINTS[self.constraint][0], at, usable, self.level)
        if gap.value is None:
            few = self.used.size < 2
            return Estimate(None, undefined="fewer than two groups can be compared" if few else "nobody is chosen")
        return Estimate(gap.value, gap.low, gap.high, "simultaneous intervals", int(self.counts[self.used, 0].sum()))


def _neighbours(rates: Floats, low: Floats, high: Floats) -> tuple[Ints, Ints]:
    """First and last edge [W, G] at which each group's rate, falling along [G, E], lies in each window."""
    edges = rates.shape[1]
    first = np.stack([edges - np.searchsorted(row[::-1], high, side="right") for row in rates], axis=1)
    last = np.stack([edges - 1 - np.searchsorted(row[::-1], low, side="left") for row in rates], axis=1)
    return first.astype(np.int64), last.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Maxima:
    """Range maxima by doubling: `places[k][g, e]` is where the largest of gains e .. e + 2^k - 1 is."""

    gain: Floats
    places: tuple[Ints, ...]

    @classmethod
    def of(cls, gain: Floats) -> "_Maxima":
        groups, edges = gain.shape
        rows = np.arange(groups)[:, None]
        places = [np.tile(np.arange(edges), (groups, 1))]
        step = 1
        while 2 * step <= edges:
            before = places[-1]
            left, right = before[:, : edges - 2 * step + 1], before[:, step : edges - step + 1]
            places.append(np.where(gain[rows, left] >= gain[rows, right], left, right))
            step *= 2
        return cls(gain, tuple(places))

    def best(self, first: Ints, last: Ints) -> Ints:
        """Where the largest gain of each group [.., G] between two edges is, both included."""
        groups = np.arange(self.gain.shape[0])
        width = last - first + 1
        power = np.frexp(width)[1] - 1
        found = np.zeros(first.shape, np.int64)
        for k, places in enumerate(self.places):
            chosen = power == k
            if not chosen.any():
                continue
            rows = np.broadcast_to(groups, first.shape)[chosen]
            left, right = places[rows, first[chosen]], places[rows, last[chosen] + 1 - (1 << k)]
            found[chosen] = np.where(self.gain[rows, left] >= self.gain[rows, right], left, right)
        return found

    def value(self, first: Ints, last: Ints) -> Floats:
        """The largest gain of each group between two edges."""
        return self.gain[np.arange(self.gain.shape[0]), self.best(first, last)]


def _pareto(found: Iterable[tuple[float, float, Ints]], *, higher_is_fairer: bool) -> list[tuple[float, float, Ints]]:
    """From least disparity to best quality, without those that another one beats in both."""
    sign = -1.0 if higher_is_fairer else 1.0
    known = [one for one in found if np.isfinite(one[0])]
    kept: list[tuple[float, float, Ints]] = []
    for one in sorted(known, key=lambda one: (sign * one[0], -one[1])):
        if not kept or one[1] > kept[-1][1] + _TIE:
            kept.append(one)
    return kept
