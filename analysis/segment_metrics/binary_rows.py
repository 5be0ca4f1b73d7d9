"""Two classes: one model's rows put in order once, and the passes that reduce them to the statistics of groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.intervals import Counts, Floats, ratio, weighted_spread
from analysis.segment_metrics.binary import BINS, ECE_BINS, BinaryStatistics
from analysis.segment_metrics.groupings import Grouping
from analysis.segment_metrics.passes import (
    FIRST_SUM,
    FRESH,
    PLAIN_STATE,
    POSITIVE,
    RANK_SUMS,
    STATE,
    C,
    D,
    N,
    P,
    binary_pass,
    paired_pass,
    placements_pass,
    sensitivity_pass,
)
from analysis.segments import SegmentCodes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Way = tuple[tuple[Bytes, Bytes, Bytes], Ints, npt.NDArray[np.int32], int]

_NONE = np.zeros(0, np.uint8)


@dataclass(frozen=True, slots=True)
class BinaryRows:
    """One model's rows by falling score, with what the passes need of them, made once for all groupings.

    `order` [n] is the row number at each position; flags, score, log_loss and weight [n] go by position. `bounds`
    [pieces + 1] are the positions where the score's bin, its tenth or the side of the threshold changes, `bins` and
    `tenths` [pieces] those of each piece, `cut` the number of rows at or above the threshold, `width` that of bins.
    """

    truth: Bools
    threshold: float
    order: Ints
    flags: Bytes
    score: Floats
    log_loss: Floats
    weight: Floats | None
    bounds: Ints
    bins: Ints
    tenths: Ints
    cut: int
    width: int = BINS

    def predicted(self) -> Bools:
        """What the model says of each row, by row number."""
        said = np.zeros(self.truth.size, np.bool_)
        said[self.order[: self.cut]] = True
        return said

    def by_row(self, values: Floats) -> Floats:
        """Values by position as values by row number."""
        out = np.empty_like(values)
        out[self.order] = values
        return out

    def squared_error(self) -> Floats:
        """(score - truth)^2 by position."""
        return (self.score - (self.flags & POSITIVE)) ** 2


@dataclass(frozen=True, slots=True)
class RowCodes:
    """The codes of segments in the order in which a pass reads the rows: gathered once, used by every grouping."""

    codes: dict[str, Bytes]

    @classmethod
    def gather(cls, segments: Sequence[SegmentCodes], order: Ints | None) -> "RowCodes":
        """By a model's order, or as the rows come when `order` is None."""
        return cls({one.spec.name: one.codes if order is None else one.codes[order] for one in segments})

    def way(self, grouping: Grouping) -> Way:
        """How the passes find the group of a row: codes of the parts, how wide each is, the table, their number."""
        parts = [self.codes[one.spec.name] for one in grouping.parts]
        first, second, third = (*parts, _NONE, _NONE, _NONE)[:3]
        widths = [len(one.labels) for one in grouping.parts]
        wide = np.asarray(((*widths[1:], 1, 1))[:2], np.int64)
        return (first, second, third), wide, grouping.table, len(parts)


def binary_rows(
    truth: Bools, score: Floats, threshold: float, weight: Floats | None = None, *, bins: int = BINS
) -> BinaryRows:
    """Check and put in order; pieces end at multiples of 1 / `bins`, itself a multiple of BINS.

    Raises ValueError for scores that are not probabilities and weights that are not positive.
    Scores of log loss are kept 2.2e-16 away from 0 and 1.
    """
    if score.size and not (score.min() >= 0 and score.max() <= 1):
        raise ValueError("Every score is a probability between 0 and 1")
    if weight is not None and weight.size and not (weight.min() > 0 and np.isfinite(weight.max())):
        raise ValueError("Every row's weight is a finite number above 0")
    order = np.argsort(-score)
    by_score, actual = score[order], truth[order]
    flags = actual.astype(np.uint8)
    flags[:1] |= FRESH
    flags[1:] |= np.where(by_score[1:] != by_score[:-1], np.uint8(FRESH), np.uint8(0))
    tiny = np.finfo(np.float64).eps
    clipped = np.clip(by_score, tiny, 1 - tiny)
    loss = -np.log(np.where(actual, clipped, 1 - clipped))
    rising = by_score[::-1]
    edges = rising.size - np.searchsorted(rising, np.arange(bins + 1) / bins)
    tens = rising.size - np.searchsorted(rising * ECE_BINS, np.arange(ECE_BINS + 1))
    cut = int(rising.size - np.searchsorted(rising, threshold))
    bounds = np.unique(np.concatenate([edges[1:], tens[1:], [0, cut, rising.size]]))
    starts = bounds[:-1]
    return BinaryRows(
        truth=truth,
        threshold=threshold,
        order=order,
        flags=flags,
        score=by_score,
        log_loss=loss,
        weight=None if weight is None else weight[order],
        bounds=bounds,
        # A position lies in bin b when more rows than its number reach edge b, and not edge b + 1.
        bins=_last_reached(edges[:bins], starts),
        tenths=_last_reached(tens[:ECE_BINS], starts),
        cut=cut,
        width=bins,
    )


def _last_reached(reach: Ints, positions: Ints) -> Ints:
    """The last edge that the rows at these positions reach: `reach` falls and holds how many rows reach each edge."""
    return reach.size - 1 - np.searchsorted(reach[::-1], positions, side="right")


def binary_statistics(grouping: Grouping, rows: BinaryRows, codes: RowCodes) -> BinaryStatistics:
    """The statistics of every group of one grouping: one pass, `codes` in the order of `rows`."""
    weighted = rows.weight is not None
    state, pieces, piece_squares, tenths, sums = _reduce(grouping, rows, codes)
    cells, histogram, by_tenth = _pieces_sum(pieces, rows)
    squares = None if piece_squares is None else _pieces_sum(piece_squares, rows)
    return BinaryStatistics(
        counts=cells,
        histogram=histogram,
        ece=np.concatenate([by_tenth.sum(axis=2, keepdims=True), by_tenth[:, :, 1:], tenths], axis=2),
        sums=sums[:, :4],
        ranks=rank_values(state),
        squares=None if squares is None else squares[0],
        histogram_squares=None if squares is None else squares[1],
        sum_squares=sums[:, 4:] if weighted else None,
    )


def _reduce(
    grouping: Grouping, rows: BinaryRows, codes: RowCodes
) -> tuple[Floats, Counts, Floats | None, Floats, Floats]:
    """The pass over the rows: state, counts by piece, those of squared weights, sums by tenth, sums of losses."""
    size, weighted = grouping.size, rows.weight is not None
    state = np.zeros((size, STATE if weighted else PLAIN_STATE))
    pieces = np.zeros((rows.tenths.size, size, 2), np.float64 if weighted else np.int32)
    squares = np.zeros(pieces.shape) if weighted else None
    tenths = np.zeros((size, ECE_BINS, 2))
    sums = np.zeros((size, 8 if weighted else 4))
    binary_pass(
        rows.flags, rows.score, rows.log_loss, rows.weight, *codes.way(grouping), rows.bounds, rows.tenths, state,
        pieces, squares, tenths, sums,
    )  # fmt: skip
    return state, pieces, squares, tenths, sums


def _pieces_sum(pieces: Counts, rows: BinaryRows) -> tuple[Counts, Counts, Floats]:
    """Counts [G, 4] at the threshold, by bin [G, width, 2] and by tenth [G, 10, 2], from counts [pieces, G, 2]."""
    size = pieces.shape[1]
    before = rows.bounds[:-1] < rows.cut
    said = [pieces[~before].sum(axis=0), pieces[before].sum(axis=0)]
    cells = np.stack([said[0][:, 0], said[1][:, 0], said[0][:, 1], said[1][:, 1]], axis=1)
    by_bin = np.zeros((rows.width, size, 2), pieces.dtype)
    by_tenth = np.zeros((ECE_BINS, size, 2))
    np.add.at(by_bin, rows.bins, pieces)
    np.add.at(by_tenth, rows.tenths, pieces)
    return cells, np.ascontiguousarray(by_bin.transpose(1, 0, 2)), by_tenth.transpose(1, 0, 2)


def rank_values(state: Floats) -> Floats:
    """AUC, its variance, average precision and its variance [G, 4] from the state after the pass; nan where undefined.

    AUC is nan with one class only, its variance with fewer than 2 of a class (DeLong, DeLong and Clarke-Pearson 1988,
    sample variances with n - 1; with weights, n is the effective number). Average precision is the step sum over
    distinct thresholds; nan without positives. Its variance is the sum of squared influence values, the linear part of
    how the area answers to each row's weight.
    """
    m, k = state[:, P], state[:, N]
    sums = dict(zip(RANK_SUMS, state[:, FIRST_SUM:].T, strict=False))
    sums = {"b": sums["b1"], "m2": m, "k2": k} | sums
    auc = ratio(sums["b"], m * k)
    of_positives = weighted_spread(sums["a2"], sums["a1"], sums["m2"], k * (1 - auc), m)
    of_negatives = weighted_spread(sums["b2"], sums["b1"], sums["k2"], m * auc, k)
    variance = ratio(of_positives, k**2) + ratio(of_negatives, m**2)
    ap = ratio(sums["ap"], m)
    rest, last = state[:, C] - ap, state[:, D]
    squared = sums["d2"] + 2 * rest * sums["d1"] + rest**2 * sums["m2"]
    squared = squared + sums["c2"] - 2 * last * sums["c1"] + last**2 * sums["k2"]
    ap_variance = np.where(sums["m2"] < m**2, ratio(np.maximum(squared, 0), m**2), np.nan)
    return np.stack([auc, variance, ap, ap_variance], axis=1)


@dataclass(frozen=True, slots=True)
class PairedStatistics:
    """Candidate and baseline on the same rows, by group; sums of weights where there are weights.

    cells float64 [G, 2, 2, 2] by truth, candidate's word and baseline's word, squares those of the squared weights;
    losses [G, 2, 4] = w d, w^2 d, w^2 d^2, w^2 of log loss and squared error; variances [G, 2] of the differences of
    ROC AUC (paired DeLong) and average precision (paired influence values); nan where undefined.
    """

    cells: Floats
    squares: Floats
    losses: Floats
    variances: Floats
    weighted: bool


@dataclass(frozen=True, slots=True)
class PairedRows:
    """What candidate and baseline say of the same rows, by row number: made once for all groupings."""

    candidate: BinaryRows
    baseline: BinaryRows
    truth: Bytes
    said: Bytes
    losses: Floats
    weight: Floats | None

    @classmethod
    def of(cls, candidate: BinaryRows, baseline: BinaryRows) -> "PairedRows":
        """Two models on the same rows."""
        losses = np.stack(
            [
                candidate.by_row(candidate.log_loss) - baseline.by_row(baseline.log_loss),
                candidate.by_row(candidate.squared_error()) - baseline.by_row(baseline.squared_error()),
            ]
        )
        said = 2 * candidate.predicted().astype(np.uint8) + baseline.predicted().astype(np.uint8)
        weight = None if candidate.weight is None else candidate.by_row(candidate.weight)
        return cls(candidate, baseline, candidate.truth.astype(np.uint8), said, losses, weight)


def paired_statistics(
    grouping: Grouping, rows: PairedRows, codes: tuple[RowCodes, RowCodes, RowCodes], ranks: tuple[Floats, Floats]
) -> PairedStatistics:
    """Both models in every group: `codes` by the candidate's order, by the baseline's and by row number.

    `ranks` are those of both models' statistics.
    """
    n, size = rows.truth.size, grouping.size
    places = np.empty((4, n))
    states = []
    for index, (one, ordered) in enumerate(zip((rows.candidate, rows.baseline), codes[:2], strict=True)):
        state = np.zeros((size, STATE))
        placements_pass(
            one.flags, one.order, one.weight, *ordered.way(grouping), state, places[2 * index], places[2 * index + 1]
        )
        states.append(state)
    plain, sums = _paired_reduce(grouping, rows, codes[2], places)
    return replace(plain, variances=_paired_variances(plain.cells, plain.squares, sums, states, ranks))


def paired_counts(grouping: Grouping, rows: PairedRows, codes: RowCodes) -> PairedStatistics:
    """The part of them that adds up over pieces of a table, `codes` by row number; the areas' variances are nan."""
    return _paired_reduce(grouping, rows, codes, np.zeros((4, rows.truth.size)))[0]


def _paired_reduce(
    grouping: Grouping, rows: PairedRows, codes: RowCodes, places: Floats
) -> tuple[PairedStatistics, Floats]:
    size = grouping.size
    cells, losses, sums = np.zeros((size, 16)), np.zeros((size, 2, 4)), np.zeros((size, 2, 2, 2))
    paired_pass(
        rows.truth, rows.said, rows.losses, places, rows.weight, *codes.way(grouping), cells, losses, sums
    )  # fmt: skip
    counts, squares = cells[:, :8].reshape(size, 2, 2, 2), cells[:, 8:].reshape(size, 2, 2, 2)
    return PairedStatistics(counts, squares, losses, np.full((size, 2), np.nan), rows.weight is not None), sums


def _paired_variances(
    counts: Floats, squares: Floats, sums: Floats, states: list[Floats], ranks: tuple[Floats, Floats]
) -> Floats:
    k, m = counts.sum(axis=(2, 3)).T
    k2, m2 = squares.sum(axis=(2, 3)).T
    gap = ranks[0][:, 0] - ranks[1][:, 0]
    of_positives = weighted_spread(sums[:, 0, 1, 1], sums[:, 0, 1, 0], m2, -k * gap, m)
    of_negatives = weighted_spread(sums[:, 0, 0, 1], sums[:, 0, 0, 0], k2, m * gap, k)
    auc = ratio(of_positives, k**2) + ratio(of_negatives, m**2)
    rest = states[0][:, C] - ranks[0][:, 2] - states[1][:, C] + ranks[1][:, 2]
    last = states[0][:, D] - states[1][:, D]
    squared = sums[:, 1, 1, 1] + 2 * rest * sums[:, 1, 1, 0] + rest**2 * m2
    squared = squared + sums[:, 1, 0, 1] - 2 * last * sums[:, 1, 0, 0] + last**2 * k2
    ap = np.where(m2 < m**2, ratio(np.maximum(squared, 0), m**2), np.nan)
    return np.stack([auc, ap], axis=1)


def negatives_above(grouping: Grouping, rows: BinaryRows, codes: RowCodes, wanted: Floats) -> Floats:
    """Negatives [G, K] at or above the highest score at which `wanted` [G, K] positives are reached; nan without."""
    found = np.full(wanted.shape, np.nan)
    state = np.zeros((grouping.size, STATE))
    sensitivity_pass(rows.flags, rows.weight, *codes.way(grouping), wanted, state, found)
    return found
