"""Bootstrap replicates of all disparities from the stored statistics: their cost does not depend on the rows.

Drawing rows with replacement draws the counts of a grouping's cells (group, truth, prediction) from Multinomial(n;
cells / n); here each cell is drawn from Poisson(cell), which is the same but for the fixed total. Means of losses and
the gaps of the calibration error's tenths are drawn from the normal with their mean and variance, areas from the normal
with DeLong's or the influence function's variance. numpy only.

The percentiles of a range over groups are what other tools give, and are kept to be compared with them: their interval
does not cover when the groups are equal (see `fairness`), so nothing is judged by it.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import Costs
from analysis.contracts.report import Report
from analysis.fairness import EQUALIZED_ODDS, FOUR_FIFTHS, RATIO
from analysis.intervals import mean_error
from analysis.reslicing import report_costs
from analysis.segment_metrics.binary import BinaryStatistics
from analysis.statistics import Statistics

CHUNK: Final = 50
"""Replicates that are drawn together."""

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Replicated:
    """The replicates of one disparity, float32 [B]; nan where fewer than two groups were defined."""

    dimension: str
    kind: str
    metric: str
    values: Singles

    def quantiles(self, shares: Sequence[float] = (0.025, 0.5, 0.975)) -> tuple[float | None, ...]:
        """Percentiles of the defined replicates; None when there is none."""
        known = self.values[np.isfinite(self.values)]
        return tuple(float(one) for one in np.quantile(known, shares)) if known.size else (None,) * len(shares)


def disparities_replicate(
    report: Report, statistics: Statistics, *, replicates: int = 1000, seed: int = 0, threads: int = 2
) -> list[Replicated]:
    """Replicates of every disparity of the report whose groups can be compared; the same seed gives the same.

    Raises StatisticsError when the report is not one of two classes, ValueError for less than one replicate.
    """
    if replicates < 1:
        raise ValueError("There is at least one replicate")
    stored = statistics.binary()
    disparities = [one for one in report.disparities if one.value is not None]
    labels = {(_dimension(group.dimensions), group.label): group.key for group in report.groups}
    compared = {
        one.dimension: sorted(statistics.row(labels[one.dimension, label]) for label in one.groups)
        for one in disparities
        if one.kind == "RANGE" and one.metric == "selection_rate"
    }
    names = list(compared)
    rows = np.asarray([row for name in names for row in compared[name]], np.int64)
    if not rows.size:
        return []
    starts = np.cumsum([0, *(len(compared[name]) for name in names[:-1])])
    held = stored.take(rows)
    chunks = [min(CHUNK, replicates - begun) for begun in range(0, replicates, CHUNK)]
    streams = np.random.default_rng(seed).spawn(len(chunks))
    costs = report_costs(report)

    def draw(index: int) -> dict[tuple[str, str], Singles]:
        return _gaps(held, starts, chunks[index], streams[index], costs)

    with ThreadPoolExecutor(threads) as pool:
        drawn = list(pool.map(draw, range(len(chunks))))
    place = {name: index for index, name in enumerate(names)}
    found = []
    for one in disparities:
        kind = RATIO if one.kind in (RATIO, FOUR_FIFTHS) else EQUALIZED_ODDS if one.kind == EQUALIZED_ODDS else "RANGE"
        if one.dimension in place and (kind, one.metric) in drawn[0]:
            values = np.concatenate([chunk[kind, one.metric][:, place[one.dimension]] for chunk in drawn])
            found.append(Replicated(one.dimension, one.kind, one.metric, values))
    return found


def _dimension(places: Sequence[object]) -> str:
    return "&".join(getattr(place, "name", "") for place in places)


def _gaps(
    held: BinaryStatistics, starts: npt.NDArray[np.int64], count: int, rng: np.random.Generator, costs: Costs | None
) -> dict[tuple[str, str], Singles]:
    """Range, ratio and equalized odds [count, groupings] of some replicates."""
    values = _draw(held, count, rng, costs)
    gaps: dict[tuple[str, str], Singles] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, value in values.items():
            top, bottom = (np.asarray(one.reduceat(value, starts, axis=1)) for one in (np.fmax, np.fmin))
            gaps["RANGE", name] = top - bottom
            if name == "selection_rate":
                gaps[RATIO, name] = bottom / top
    gaps[EQUALIZED_ODDS, "tpr"] = np.maximum(gaps["RANGE", "tpr"], gaps["RANGE", "fpr"])
    return gaps


def _draw(held: BinaryStatistics, count: int, rng: np.random.Generator, costs: Costs | None) -> dict[str, Singles]:
    """Every metric [count, R] of the replicates; nan where it is undefined."""
    cells = np.asarray(held.counts, np.float64)
    if held.squares is None:
        drawn = rng.poisson(cells, (count, *cells.shape)).astype(np.float32)
    else:
        # A sum of weights: as many rows as it is worth are drawn, each of the mean weight sum of w^2 / sum of w.
        size = np.divide(held.squares, cells, out=np.ones_like(cells), where=cells > 0)
        drawn = (rng.poisson(cells / size, (count, *cells.shape)) * size).astype(np.float32)
    tn, fp, fn, tp = np.moveaxis(drawn, 2, 0)
    n, positives, negatives, chosen = tn + fp + fn + tp, tp + fn, tn + fp, tp + fp
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "selection_rate": chosen / n,
            "accuracy": (tp + tn) / n,
            "precision": tp / chosen,
            "tpr": tp / positives,
            "fpr": fp / negatives,
            "fnr": fn / positives,
            "balanced_accuracy": (tp / positives + tn / negatives) / 2,
        }
        if costs is not None:
            found["cost_per_100"] = 100 * (costs.false_positive * fp + costs.false_negative * fn) / n

    def normal(shape: tuple[int, ...]) -> Singles:
        return rng.standard_normal(shape, dtype=np.float32)

    mean, error = mean_error(held.sums[:, 2], held.sums[:, 3], cells.sum(axis=1))
    found["brier"] = mean.astype(np.float32) + error.astype(np.float32) * normal((count, mean.size))
    area, spread = held.ranks[:, 0].astype(np.float32), np.sqrt(held.ranks[:, 1]).astype(np.float32)
    found["roc_auc"] = np.clip(area + spread * normal((count, area.size)), 0, 1)
    total = np.maximum(cells.sum(axis=1), 1)[:, None]
    gap = ((held.ece[:, :, 2] - held.ece[:, :, 1]) / total).astype(np.float32)
    width = (np.sqrt(held.ece[:, :, 3]) / total).astype(np.float32)
    moved = normal((count, *gap.shape))
    moved *= width
    moved += gap
    found["ece"] = np.abs(moved, out=moved).sum(axis=2)
    return found
