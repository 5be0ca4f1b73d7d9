"""How far groups lie apart: ranges and ratios with intervals that also cover when the groups are equal.

A percentile bootstrap of max - min does not cover (its replicates of equal groups never reach zero), so each
group gets an interval at a level at which all cover together (Sidak: the groups share no row), and

    range in [max(0, max lower - min upper), max upper - min lower]
    ratio in [min lower / max upper, min upper / max lower], not above 1.

Equalized odds is the larger of the ranges of recall and false positive rate; its intervals are made for twice
as many. Only shown groups with enough data and a defined value are compared; the others are listed with the
reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.contracts.report import Disparity, LeftOut
from analysis.intervals import Floats, sidak_level
from analysis.segment_metrics.estimates import Estimates

RANGE: Final = "RANGE"
RATIO: Final = "RATIO"
EQUAL_OPPORTUNITY: Final = "EQUAL_OPPORTUNITY"
EQUALIZED_ODDS: Final = "EQUALIZED_ODDS"
PREDICTIVE_PARITY: Final = "PREDICTIVE_PARITY"
FOUR_FIFTHS: Final = "FOUR_FIFTHS"

METHOD: Final = "simultaneous intervals"
BINARY_RANGES: Final = (
    "selection_rate",
    "accuracy",
    "precision",
    "tpr",
    "fpr",
    "fnr",
    "roc_auc",
    "brier",
    "ece",
    "cost_per_100",
)
MULTICLASS_RANGES: Final = ("accuracy", "balanced_accuracy", "macro_f1", "cost_per_100")
REGRESSION_RANGES: Final = ("mae", "rmse", "mean_error", "within_tolerance", "cost_per_100")

EstimatesAt = Callable[[float], Mapping[str, Estimates]]
"""Estimates of all groups of one grouping at a given level."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A range or ratio with its interval and the groups at its ends; `value` is None with fewer than two
    groups.
    """

    value: float | None
    low: float | None
    high: float | None
    used: tuple[int, ...]
    lowest: int | None
    highest: int | None


NO_GAP: Final = Gap(None, None, None, (), None, None)


def range_gap(value: Floats, low: Floats, high: Floats, groups: npt.NDArray[np.int64]) -> Gap:
    """Largest minus smallest value of the groups, with the interval of the module's head."""
    if groups.size < 2:
        return NO_GAP
    v, below, above = value[groups], low[groups], high[groups]
    bottom, top = int(np.argmin(v)), int(np.argmax(v))
    return Gap(
        value=float(v[top] - v[bottom]),
        low=max(0.0, float(below.max() - above.min())),
        high=float(above.max() - below.min()),
        used=tuple(groups.tolist()),
        lowest=int(groups[bottom]),
        highest=int(groups[top]),
    )


def ratio_gap(value: Floats, low: Floats, high: Floats, groups: npt.NDArray[np.int64]) -> Gap:
    """Smallest over largest value of the groups (0 to 1); no gap when every value is zero."""
    if groups.size < 2 or not value[groups].max() > 0:
        return NO_GAP
    v, below, above = value[groups], low[groups], high[groups]
    bottom, top = int(np.argmin(v)), int(np.argmax(v))
    ceiling = float(above.min() / below.max()) if below.max() > 0 else 1.0
    return Gap(
        value=float(v[bottom] / v[top]),
        low=float(below.min() / above.max()),
        high=min(1.0, ceiling),
        used=tuple(groups.tolist()),
        lowest=int(groups[bottom]),
        highest=int(groups[top]),
    )


def worst_gap(value: Floats, low: Floats, high: Floats, groups: npt.NDArray[np.int64]) -> Gap:
    """The largest value of the groups, of which one is enough, for what should be zero in each of them."""
    if groups.size < 1:
        return NO_GAP
    v = value[groups]
    bottom, top = int(np.argmin(v)), int(np.argmax(v))
    return Gap(
        value=float(v[top]),
        low=float(low[groups].max()),
        high=float(high[groups].max()),
        used=tuple(groups.tolist()),
        lowest=int(groups[bottom]),
        highest=int(groups[top]),
    )


def larger_gap(first: Gap, second: Gap) -> Gap:
    """The larger of two ranges; its interval is that of the maximum, ends from both; used are the groups of both."""
    if first.value is None or second.value is None:
        return NO_GAP
    wide = first if first.value >= second.value else second
    lows = [one for one in (first.low, second.low) if one is not None]
    highs = [one for one in (first.high, second.high) if one is not None]
    used = tuple(sorted({*first.used} & {*second.used}))
    return Gap(wide.value, max(lows), max(highs), used, wide.lowest, wide.highest)


def comparable_groups(
    found: Mapping[str, Estimates], metric: str, usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Groups that may be compared in a metric: usable, with a value and an interval."""
    estimate = found[metric]
    known = np.isfinite(estimate.value) & np.isfinite(estimate.low) & np.isfinite(estimate.high)
    return np.flatnonzero(usable & known)


def gap_find(kind: str, metric: str, at: EstimatesAt, usable: npt.NDArray[np.bool_], level: float) -> Gap:
    """One disparity over the usable groups of one grouping, with intervals at the joint level."""
    metrics = _metrics_of(kind, metric)
    plain = at(level)
    groups = [comparable_groups(plain, name, usable) for name in metrics]
    strict = at(sidak_level(level, sum(one.size for one in groups)))
    shape = ratio_gap if kind in (RATIO, FOUR_FIFTHS) else range_gap
    gaps = [
        shape(strict[name].value, strict[name].low, strict[name].high, members)
        for name, members in zip(metrics, groups, strict=True)
    ]
    return larger_gap(gaps[0], gaps[1]) if kind == EQUALIZED_ODDS else gaps[0]


def _metrics_of(kind: str, metric: str) -> tuple[str, ...]:
    return ("tpr", "fpr") if kind == EQUALIZED_ODDS else (metric,)


def kinds_for(metrics: Sequence[str]) -> list[tuple[str, str]]:
    """The (kind, metric) pairs that are reported for the metrics at hand."""
    pairs = [(RANGE, name) for name in (*BINARY_RANGES, *MULTICLASS_RANGES, *REGRESSION_RANGES) if name in metrics]
    pairs = list(dict.fromkeys(pairs))
    if "selection_rate" in metrics:
        pairs += [(RATIO, "selection_rate"), (FOUR_FIFTHS, "selection_rate")]
        pairs += [(EQUAL_OPPORTUNITY, "tpr"), (EQUALIZED_ODDS, "tpr"), (PREDICTIVE_PARITY, "precision")]
    return pairs


def disparities_find(
    dimension: str,
    labels: Sequence[str],
    barred: Sequence[str | None],
    at: EstimatesAt,
    *,
    protected: bool,
    baseline_at: EstimatesAt | None = None,
    level: float = 0.95,
) -> list[Disparity]:
    """All disparities of one segment or crossing.

    `barred[g]` is the reason group g is not compared, or None.
    """
    usable = np.asarray([reason is None for reason in barred], np.bool_)
    plain = at(level)
    found = []
    for kind, metric in kinds_for(tuple(plain)):
        gap = gap_find(kind, metric, at, usable, level)
        other = gap_find(kind, metric, baseline_at, usable, level) if baseline_at is not None else NO_GAP
        left_out = tuple(
            LeftOut(label, reason or _why_undefined(plain, _metrics_of(kind, metric), group))
            for group, (label, reason) in enumerate(zip(labels, barred, strict=True))
            if group not in gap.used and (reason is not None or gap.value is not None)
        )
        found.append(
            Disparity(
                dimension=dimension,
                metric=metric,
                kind=kind,
                protected=protected,
                value=gap.value,
                low=gap.low,
                high=gap.high,
                method=None if gap.value is None else METHOD,
                groups=tuple(labels[group] for group in gap.used),
                lowest=None if gap.lowest is None else labels[gap.lowest],
                highest=None if gap.highest is None else labels[gap.highest],
                left_out=left_out,
                undefined="fewer than two groups can be compared" if gap.value is None else None,
                baseline=None if other.value is None else {"value": other.value, "low": other.low, "high": other.high},
            )
        )
    return found


def _why_undefined(found: Mapping[str, Estimates], metrics: Sequence[str], group: int) -> str:
    for name in metrics:
        if not np.isfinite(found[name].value[group]):
            return found[name].reason
    return "there is no interval"
