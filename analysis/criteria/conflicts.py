"""Which chosen criteria cannot hold together, with the numbers that make it so.

All follow from arithmetic on base rates p (share of actual positives in a group), common recall T, false positive rate
F, precision V and selection rate s:

- predictive parity and equalized odds: F = p / (1 - p) (1 - V) / V T in every group (A. Chouldechova, "Fair prediction
with
  disparate impact", Big Data 5 (2017) 153-163), so groups of different p cannot share all three.
- calibration within groups and equalized odds, read for the scores: calibrated scores have the mean p, and with common
mean
  scores of positives (M) and negatives (N), p = p M + (1 - p) N in every group, that is p / (1 - p) = N / (1 - M)
  (J. Kleinberg, S. Mullainathan and M. Raghavan, "Inherent trade-offs in the fair determination of risk scores", ITCS
  2017, arXiv 1609.05807 of 2016). Only a perfect prediction escapes.
- demographic parity and equalized odds: s = p T + (1 - p) F, which differs with p unless T = F, an answer that does not
  depend on the truth (S. Barocas, M. Hardt and A. Narayanan, Fairness and Machine Learning, 2023, chapter 3). Four
  fifths and equalized odds: the same, where the ratio of these s falls below the limit.
- demographic parity, predictive parity and equal opportunity: T = s V / p.
- parity of costs and equalized odds: 100 (cost of a false positive (1 - p) F + cost of a miss p (1 - T)).

What is forced on each group is worked out at the pooled rates of the groups compared, for the model as it is. Whether
base rates differ is judged by their range with the interval of `analysis.fairness`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import Costs
from analysis.contracts.criteria import (
    CALIBRATION,
    COST_PARITY,
    CRITERIA,
    DEMOGRAPHIC_PARITY,
    EQUAL_OPPORTUNITY,
    EQUALIZED_ODDS,
    FOUR_FIFTHS,
    PREDICTIVE_PARITY,
    criteria_for,
)
from analysis.contracts.findings import BaseRateFound, ConflictFound, ConflictsFound, ForcedValue
from analysis.contracts.metrics import MULTICLASS
from analysis.contracts.report import Estimate
from analysis.contracts.wording import number_text
from analysis.criteria.results import FEW_GROUPS
from analysis.fairness import Gap, range_gap
from analysis.intervals import Floats, bonferroni_level, ratio, sidak_level, wilson
from analysis.segment_metrics.binary import BINS, BinaryStatistics
from analysis.segment_metrics.estimates import estimates

CHOULDECHOVA: Final = "Chouldechova 2017"
KLEINBERG: Final = "Kleinberg, Mullainathan and Raghavan 2016"
BAROCAS: Final = "Barocas, Hardt and Narayanan 2023"
ARITHMETIC: Final = "arithmetic on the stated costs"
_SAME: Final = 1e-9
MOST_CLASSES: Final = 20
"""Classes whose conflicts are looked for, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class _Pooled:
    """Rates over all groups compared, base rates by group, the mean scores of positives."""

    p: Floats
    recall: float
    false_positive: float
    precision: float
    selection: float
    positive_score: float
    costs: Costs | None


def conflicts_find(
    chosen: Collection[str],
    statistics: BinaryStatistics,
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    costs: Costs | None = None,
    level: float = 0.95,
) -> ConflictsFound:
    """Which of the chosen criteria cannot hold together in these groups. Raises KeyError for an unknown criterion and
    ValueError for statistics of weighted rows, whose base rates would have another interval.

    Many classes are asked class by class, each against the rest. Groups without rows, or barred, are not compared.
    """
    named = tuple(code for code in CRITERIA if code in chosen)
    unknown = sorted(set(chosen) - set(CRITERIA))
    if unknown:
        raise KeyError(unknown[0])
    if statistics.counts.dtype.kind not in "iu":
        raise ValueError("Base rates need counted rows, not weighted ones")
    positives = statistics.counts[:, 2:].sum(axis=1)
    n = statistics.counts.sum(axis=1)
    used = np.flatnonzero(np.asarray([reason is None for reason in barred], np.bool_) & (n > 0))
    ends = wilson(positives, n, sidak_level(level, used.size))
    rates = estimates(ratio(positives, n), ends, n, "Wilson")
    shown = tuple(BaseRateFound(labels[group], rates.one(group, int(n[group]))) for group in used.tolist())
    gap = range_gap(rates.value, rates.low, rates.high, used)
    if gap.value is None:
        return ConflictsFound(named, shown, Estimate(None, undefined=FEW_GROUPS), (), FEW_GROUPS)
    spread = Estimate(gap.value, gap.low, gap.high, "simultaneous intervals", int(n[used].sum()))
    if gap.value == 0:
        return ConflictsFound(named, shown, spread, ())
    pooled = _pool(statistics, used, rates.value[used], costs)
    names = [labels[group] for group in used.tolist()]
    held = {*named, *((EQUAL_OPPORTUNITY,) if EQUALIZED_ODDS in named else ())}
    found = [rule(pooled, names, gap) for codes, rule in _RULES if held.issuperset(codes)]
    return ConflictsFound(named, shown, spread, tuple(one for one in found if one is not None))


def _pool(statistics: BinaryStatistics, used: np.ndarray, p: Floats, costs: Costs | None) -> _Pooled:
    tn, fp, fn, tp = (float(one) for one in statistics.counts[used].sum(axis=0))
    by_bin = statistics.histogram[used, :, 1].sum(axis=0).astype(np.float64)
    middles = (np.arange(BINS) + 0.5) / BINS
    return _Pooled(
        p=p,
        recall=float(ratio(tp, tp + fn)),
        false_positive=float(ratio(fp, fp + tn)),
        precision=float(ratio(tp, tp + fp)),
        selection=float(ratio(tp + fp, tp + fp + fn + tn)),
        positive_score=float(ratio(by_bin @ middles, by_bin.sum())),
        costs=costs,
    )


def _percent(share: float) -> str:
    return f"{number_text(100 * share, 1)} %"


def _conflict(
    codes: tuple[str, ...],
    gap: Gap,
    sentence: str,
    quantity: str,
    names: Sequence[str],
    values: Floats,
    source: str,
    *,
    ceiling: float | None = 1.0,
) -> ConflictFound | None:
    """None when what is forced is the same for all groups, so that nothing stands against the criteria."""
    if not np.isfinite(values).any() or (np.isfinite(values).all() and np.ptp(values) < _SAME):
        return None
    forced = []
    for name, value in zip(names, values.tolist(), strict=True):
        if not np.isfinite(value):
            forced.append(ForcedValue(name, None, "no number does it, because the group has one outcome only"))
        elif ceiling is not None and value > ceiling + _SAME:
            forced.append(ForcedValue(name, None, f"it would have to be {_percent(value)}, which is more than all"))
        else:
            forced.append(ForcedValue(name, value))
    proven = gap.low is not None and gap.low > 0
    if not proven:
        sentence += (
            " These rows do not prove that base rates differ: were they equal, the criteria could hold together."
        )
    return ConflictFound(codes, proven, sentence, quantity, tuple(forced), source)


def _predictive(pooled: _Pooled, names: Sequence[str], gap: Gap) -> ConflictFound | None:
    wrong = ratio(1 - pooled.precision, pooled.precision)
    values = ratio(pooled.p, 1 - pooled.p) * wrong * pooled.recall
    sentence = (
        f"If a positive answer is right equally often in every group ({_percent(pooled.precision)}) and equally many "
        f"positives are found ({_percent(pooled.recall)}), the base rate alone decides how many negatives are taken "
        "for positive, so the false positive rates must differ."
    )
    codes = (PREDICTIVE_PARITY, EQUALIZED_ODDS)
    return _conflict(codes, gap, sentence, "false positive rate", names, values, CHOULDECHOVA)


def _calibrated(pooled: _Pooled, names: Sequence[str], gap: Gap) -> ConflictFound | None:
    values = ratio(pooled.p, 1 - pooled.p) * (1 - pooled.positive_score)
    sentence = (
        "Scores that mean what they say in every group have the group's base rate as their mean. If actual positives "
        f"also had the same mean score in every group ({_percent(pooled.positive_score)}), the mean score of the "
        "negatives would have to differ. A threshold of its own for each group may still make the answers' mistakes "
        "equally frequent; it then treats equal scores differently."
    )
    codes = (CALIBRATION, EQUALIZED_ODDS)
    return _conflict(codes, gap, sentence, "mean score of negatives", names, values, KLEINBERG)


def _selected(pooled: _Pooled) -> Floats:
    return pooled.p * pooled.recall + (1 - pooled.p) * pooled.false_positive


def _demographic(pooled: _Pooled, names: Sequence[str], gap: Gap) -> ConflictFound | None:
    sentence = (
        f"If positives are found ({_percent(pooled.recall)}) and negatives mistaken "
        f"({_percent(pooled.false_positive)}) equally often in every group, a group with more positives is chosen more "
        "often."
    )
    codes = (DEMOGRAPHIC_PARITY, EQUALIZED_ODDS)
    return _conflict(codes, gap, sentence, "selection rate", names, _selected(pooled), BAROCAS)


def _fifths(pooled: _Pooled, names: Sequence[str], gap: Gap) -> ConflictFound | None:
    values = _selected(pooled)
    limit = CRITERIA[FOUR_FIFTHS].limit or 0.0
    if not np.isfinite(values).all() or values.max() <= 0 or values.min() / values.max() >= limit:
        return None
    lowest = _percent(float(values.min() / values.max()))
    sentence = (
        "If mistakes of both kinds were equally frequent in every group, the selection rates would differ with the "
        f"base rates, the lowest being {lowest} of the highest, below four fifths."
    )
    return _conflict((FOUR_FIFTHS, EQUALIZED_ODDS), gap, sentence, "selection rate", names, values, BAROCAS)


def _all_three(pooled: _Pooled, names: Sequence[str], gap: Gap) -> ConflictFound | None:
    values = ratio(pooled.selection * pooled.precision, pooled.p)
    sentence = (
        f"If the same share of every group is chosen ({_percent(pooled.selection)}) and equally often rightly "
        f"({_percent(pooled.precision)}), a group with more positives has a smaller share of them found."
    )
    codes = (DEMOGRAPHIC_PARITY, PREDICTIVE_PARITY, EQUAL_OPPORTUNITY)
    return _conflict(codes, gap, sentence, "recall", names, values, BAROCAS)


def _priced(pooled: _Pooled, names: Sequence[str], gap: Gap) -> ConflictFound | None:
    if pooled.costs is None:
        return None
    mistaken = pooled.costs.false_positive * (1 - pooled.p) * pooled.false_positive
    values = 100 * (mistaken + pooled.costs.false_negative * pooled.p * (1 - pooled.recall))
    sentence = (
        "If mistakes of both kinds are equally frequent in every group, their mix differs with the base rate, and so "
        "does what they cost, because the two kinds do not cost the same per row."
    )
    codes = (COST_PARITY, EQUALIZED_ODDS)
    return _conflict(codes, gap, sentence, "cost per 100", names, values, ARITHMETIC, ceiling=None)


_RULES: Final[tuple[tuple[tuple[str, ...], Callable[[_Pooled, Sequence[str], Gap], ConflictFound | None]], ...]] = (
    ((PREDICTIVE_PARITY, EQUALIZED_ODDS), _predictive),
    ((CALIBRATION, EQUALIZED_ODDS), _calibrated),
    ((DEMOGRAPHIC_PARITY, EQUALIZED_ODDS), _demographic),
    ((FOUR_FIFTHS, EQUALIZED_ODDS), _fifths),
    ((DEMOGRAPHIC_PARITY, PREDICTIVE_PARITY, EQUAL_OPPORTUNITY), _all_three),
    ((COST_PARITY, EQUALIZED_ODDS), _priced),
)


def class_conflicts_find(
    confusion: npt.NDArray[np.int64],
    classes: Sequence[str],
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    scores: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], Floats] | None = None,
    level: float = 0.95,
) -> list[tuple[str, ConflictsFound]]:
    """The conflicts of every class against the rest, from counts [G, K, K] by truth and prediction; the most frequent
    classes first, at most `MOST_CLASSES` of them. Their intervals cover together (Bonferroni over all classes).

    `scores` = group codes [n], true classes [n] and scores [n, K], without which calibration is not asked about. Costs
    of errors have no class.
    """
    groups = confusion.shape[0]
    asked = [one.code for one in criteria_for(MULTICLASS) if one.code != COST_PARITY]
    asked = [code for code in asked if code != CALIBRATION or scores is not None]
    inner = bonferroni_level(level, len(classes))
    frequent = np.argsort(-confusion.sum(axis=(0, 2)), kind="stable")[:MOST_CLASSES]
    found = []
    for number in frequent.tolist():
        tp = confusion[:, number, number]
        fn, fp = confusion[:, number].sum(axis=1) - tp, confusion[:, :, number].sum(axis=1) - tp
        counts = np.stack([confusion.sum(axis=(1, 2)) - tp - fn - fp, fp, fn, tp], axis=1)
        histogram = np.zeros((groups, BINS, 2), np.int64)
        if scores is not None:
            codes, truth, matrix = scores
            bins = np.minimum((matrix[:, number] * BINS).astype(np.int64), BINS - 1)
            np.add.at(histogram, (codes, bins, (np.asarray(truth) == number).astype(np.int64)), 1)
        empty = np.full((groups, 4), np.nan)
        statistics = BinaryStatistics(counts, histogram, np.zeros((groups, 10, 3)), empty, empty)
        found.append((classes[number], conflicts_find(asked, statistics, labels, barred, level=inner)))
    return found
