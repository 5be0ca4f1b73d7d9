"""Other groups, another threshold and other intervals from the stored statistics of two classes: no row is read.

Counts and sums of merged groups are sums, so all metrics of counts, log loss, Brier score and calibration error are
those of a new evaluation. The areas of merged groups come from the stored score bins and carry their bound (see
`segment_metrics.binned`). A merged group of which a part is hidden is hidden: its numbers would give that part away.
numpy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import Costs
from analysis.contracts.report import Estimate, Group, Place, Report, group_key
from analysis.segment_metrics.binary import BINS, BinaryStatistics, binary_estimates, count_estimates
from analysis.segment_metrics.binned import ranks_of_bins
from analysis.segment_metrics.estimates import GroupEstimates, group_estimates
from analysis.statistics import Statistics

HIDDEN = "a part of it is hidden"


@dataclass(frozen=True, slots=True)
class Moved:
    """What the metrics would be at another threshold: the threshold it was rounded to, and estimates by group key."""

    threshold: float
    groups: GroupEstimates

    def to_json(self) -> dict[str, Any]:
        """As JSON, for the page that moves a threshold."""
        return {"threshold": self.threshold, "groups": self.groups.to_json()}


@dataclass(frozen=True, slots=True)
class Slice:
    """A group that the report does not hold: its places, rows and metrics, or why it is hidden."""

    key: str
    dimensions: tuple[Place, ...]
    n: int | None
    suppressed: str | None
    metrics: Mapping[str, Estimate]


def threshold_counts(stored: BinaryStatistics, edge: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Counts [G, 4] = tn, fp, fn, tp at the threshold edge / BINS, and those of squared weights or None."""

    def split(histogram: npt.NDArray[Any]) -> npt.NDArray[Any]:
        above, below = histogram[:, edge:].sum(axis=1), histogram[:, :edge].sum(axis=1)
        return np.stack([below[:, 0], above[:, 0], below[:, 1], above[:, 1]], axis=1)

    squares = stored.histogram_squares
    return split(stored.histogram), None if squares is None else split(squares)


def threshold_move(report: Report, statistics: Statistics, threshold: float, *, baseline: bool = False) -> Moved:
    """Every threshold metric of every shown group at another threshold, from stored bins, no row read.

    The threshold is rounded to the nearest bin edge (steps of 0.005). Raises StatisticsError when the report is not
    one of two classes, ValueError for a threshold outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError("A threshold lies between 0 and 1")
    edge = round(threshold * BINS)
    counts, squares = threshold_counts(statistics.binary(baseline=baseline), edge)
    found = count_estimates(counts, squares=squares, costs=report_costs(report), level=report.level)
    return Moved(edge / BINS, GroupEstimates(found, statistics.rows, counts.sum(axis=1)))


def threshold_sweep(
    report: Report, statistics: Statistics, key: str, *, baseline: bool = False
) -> dict[str, list[float | None]]:
    """One group's threshold metrics at every bin edge: {"threshold": [0 .. 1], metric: [..]}; None where undefined.

    Raises StatisticsError for a group that is not stored.
    """
    stored = statistics.binary(baseline=baseline)
    row = np.asarray([statistics.row(key)])

    def split(histogram: npt.NDArray[Any]) -> npt.NDArray[Any]:
        below = np.concatenate([np.zeros((1, 2), histogram.dtype), np.cumsum(histogram[row][0], axis=0)])
        above = below[-1] - below
        return np.stack([below[:, 0], above[:, 0], below[:, 1], above[:, 1]], axis=1)

    squares = None if stored.histogram_squares is None else split(stored.histogram_squares)
    found = count_estimates(split(stored.histogram), squares=squares, costs=report_costs(report), level=report.level)
    sweep: dict[str, list[float | None]] = {"threshold": [edge / BINS for edge in range(BINS + 1)]}
    for name, estimate in found.items():
        sweep[name] = [float(one) if np.isfinite(one) else None for one in estimate.value]
    return sweep


def interval_move(report: Report, statistics: Statistics, level: float, *, baseline: bool = False) -> GroupEstimates:
    """Every metric of every shown group with intervals at another level, by group key.

    Raises StatisticsError when the report is not one of two classes, ValueError for a level outside 0.5 to 1.
    """
    if not 0.5 < level < 1:
        raise ValueError("The level of intervals lies between 0.5 and 1")
    stored = statistics.binary(baseline=baseline)
    found = binary_estimates(stored, costs=report_costs(report), level=level)
    return GroupEstimates(found, statistics.rows, stored.counts.sum(axis=1))


def bands_merge(
    report: Report, statistics: Statistics, segment: str, bands: Mapping[str, Sequence[str]], *, baseline: bool = False
) -> list[Slice]:
    """The groups of a segment, and of every crossing with it, when its levels are merged: new label -> old labels.

    Raises KeyError for a segment or level that the report does not have, ValueError when a level is in no band or in
    two, StatisticsError when the report is not one of two classes.
    """
    dimension = next((one for one in report.dimensions if one.name == segment), None)
    if dimension is None:
        raise KeyError(f"The report has no segment {segment}")
    old = [level for levels in bands.values() for level in levels]
    unknown = sorted(set(old) - set(dimension.levels))
    if unknown:
        raise KeyError(f"The segment {segment} has no level {unknown[0]}")
    if len(set(old)) != len(old) or set(old) != set(dimension.levels):
        raise ValueError("Every level belongs to one of the new bands, and to one only")
    new = {level: label for label, levels in bands.items() for level in levels}

    def place_of(place: Place) -> Place:
        return Place(place.segment, place.name, new[place.level]) if place.name == segment else place

    groups = [group for group in report.groups if segment in [place.name for place in group.dimensions]]
    return _merged(report, statistics, groups, lambda group: tuple(map(place_of, group.dimensions)), baseline)


def crossing_marginalise(
    report: Report, statistics: Statistics, crossing: Sequence[str], onto: Sequence[str], *, baseline: bool = False
) -> list[Slice]:
    """The groups of some segments summed from a crossing that holds them.

    Raises KeyError when the report has no such crossing, or the crossing not these segments; StatisticsError when the
    report is not one of two classes.
    """
    groups = [group for group in report.groups if {place.name for place in group.dimensions} == set(crossing)]
    if not groups:
        raise KeyError(f"The report has no crossing of {' and '.join(crossing)}")
    if not set(onto) <= set(crossing):
        raise KeyError(f"The crossing has no segment {sorted(set(onto) - set(crossing))[0]}")

    def places_of(group: Group) -> tuple[Place, ...]:
        return tuple(place for place in group.dimensions if place.name in onto)

    return _merged(report, statistics, groups, places_of, baseline)


def _merged(
    report: Report, statistics: Statistics, groups: Sequence[Group], places_of: Any, baseline: bool
) -> list[Slice]:
    """The groups summed by the places that they fall to, in the order in which those come first."""
    stored = statistics.binary(baseline=baseline)
    places: dict[tuple[Place, ...], int] = {}
    hidden: set[int] = set()
    rows, owners = [], []
    for group in groups:
        owner = places.setdefault(places_of(group), len(places))
        if group.suppressed is not None:
            hidden.add(owner)
        else:
            rows.append(statistics.row(group.key))
            owners.append(owner)
    summed = statistics_sum(stored.take(np.asarray(rows, np.int64)), np.asarray(owners, np.int64), len(places))
    found = binary_estimates(summed, costs=report_costs(report), level=report.level)
    n = summed.counts.sum(axis=1)
    each = group_estimates(found, n)
    return [
        Slice(group_key(place), place, None, HIDDEN, {})
        if owner in hidden
        else Slice(group_key(place), place, int(n[owner]), None, each[owner])
        for place, owner in places.items()
    ]


def statistics_sum(stored: BinaryStatistics, owners: npt.NDArray[np.int64], size: int) -> BinaryStatistics:
    """The statistics of `size` groups, each the sum of the stored ones [R] that `owners` gives it.

    A group that is one stored group keeps its exact areas; those of the others come from the bins.
    """

    order = np.argsort(owners, kind="stable")
    filled, starts = np.unique(owners[order], return_index=True)

    def total(part: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
        """Sums of runs of the rows in the order of their owners: many times as fast as adding row by row."""
        if part is None:
            return None
        out = np.zeros((size, *part.shape[1:]), np.float64 if part.dtype.kind == "f" else np.int64)
        if filled.size:
            out[filled] = np.add.reduceat(part[order], starts, axis=0, dtype=out.dtype)
        return out

    parts = {name: total(part) for name, part in stored.parts().items() if name not in ("ranks", "rank_bounds")}
    binned = ranks_of_bins(BinaryStatistics(**parts, ranks=np.full((size, 4), np.nan)))  # type: ignore[arg-type]
    bounds = np.zeros((size, 2)) if binned.rank_bounds is None else binned.rank_bounds
    alone = np.bincount(owners, minlength=size)[owners] == 1
    binned.ranks[owners[alone]] = stored.ranks[alone]
    bounds[owners[alone]] = 0.0 if stored.rank_bounds is None else stored.rank_bounds[alone]
    return binned


def report_costs(report: Report) -> Costs | None:
    """The costs of a report of two classes."""
    if report.costs is None:
        return None
    return Costs(float(report.costs["false_positive"]), float(report.costs["false_negative"]))
