"""The compiled passes: each reads the rows once, in the order of falling scores or as they come, for one grouping.

A grouping is given by the codes of up to three segments (uint8 [n], in the order in which the rows are read) and a
table from the cell (a * kb + b) * kc + c to the number of the group, or -1. No array of rows is made for a grouping,
so the memory of a pass does not grow with the rows.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.compiled import compiled

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

POSITIVE, FRESH = 1, 2
"""Bits of a row's flag: its truth is positive; its score is not that of the row before."""

BLOCK = 2048
"""Rows whose groups are looked up together."""

# Columns of a group's state while the rows go by. Of the open run of equal scores: positives T and negatives F (with
# weights also T2 and F2, the sums of squares). Of everything above it: positives P, negatives N, and C and D, the sums
# over runs of t n / (p + n)^2 and t p / (p + n)^2. Then the sums that areas and variances are made of, RANK_SUMS.
# Scores S and squared errors Q of the open tenth.
RUN, T, F, P, N, C, D, S, Q, FIRST_SUM = range(10)
RANK_SUMS = ("b1", "b2", "a1", "a2", "ap", "d1", "d2", "c1", "c2", "b", "m2", "k2")
"""Sums over the runs, with P, N above the run, t positives and f negatives in it and t2, f2 the sums of their squared
weights (t and f without weights): b1 = f2 B, b2 = f2 B^2 with B = P + t/2; a1 = t2 A, a2 = t2 A^2 with A = N + f/2;
ap = t precision; d1 = t2 d, d2 = t2 d^2 with d = precision - C; c1 = f2 D, c2 = f2 D^2; and b = f B, m2 = t2, k2 = f2,
which only weights need a sum of.
"""
PLAIN_STATE, T2, F2 = FIRST_SUM + 9, FIRST_SUM + 12, FIRST_SUM + 13
STATE = FIRST_SUM + 14


@compiled
def groups_look_up(
    local: Any, start: int, stop: int, first: Any, second: Any, third: Any, wide: Any, table: Any, parts: int
) -> None:
    """Write the group of rows start to stop to local[0:]."""
    if parts == 0:
        for i in range(stop - start):
            local[i] = 0
    elif parts == 1:
        for i in range(stop - start):
            local[i] = table[first[start + i]]
    elif parts == 2:
        for i in range(stop - start):
            local[i] = table[first[start + i] * wide[0] + second[start + i]]
    else:
        for i in range(stop - start):
            cell = (first[start + i] * wide[0] + second[start + i]) * wide[1] + third[start + i]
            local[i] = table[cell]


@compiled
def cells_count(first: Any, second: Any, third: Any, wide: Any, parts: int, counts: Any) -> None:
    """Rows of every cell of a crossing, added to counts int64 [cells]."""
    if parts == 2:
        for i in range(first.size):
            counts[first[i] * wide[0] + second[i]] += 1
    else:
        for i in range(first.size):
            counts[(first[i] * wide[0] + second[i]) * wide[1] + third[i]] += 1


@compiled
def _run_close(state: Any, g: Any, weight: Any) -> None:
    """Account for a group's open run of equal scores."""
    t, f = state[g, T], state[g, F]
    above_p, above_n = state[g, P], state[g, N]
    b, a = above_p + 0.5 * t, above_n + 0.5 * f
    p, n = above_p + t, above_n + f
    if p + n > 0:
        inverse = 1.0 / (p + n)
        precision = p * inverse
        d, c = precision - state[g, C], state[g, D]
        if weight is None:
            t2, f2 = t, f
        else:
            t2, f2 = state[g, T2], state[g, F2]
            state[g, FIRST_SUM + 9] += f * b
            state[g, FIRST_SUM + 10] += t2
            state[g, FIRST_SUM + 11] += f2
            state[g, T2], state[g, F2] = 0.0, 0.0
        state[g, FIRST_SUM] += f2 * b
        state[g, FIRST_SUM + 1] += f2 * b * b
        state[g, FIRST_SUM + 2] += t2 * a
        state[g, FIRST_SUM + 3] += t2 * a * a
        state[g, FIRST_SUM + 4] += t * precision
        state[g, FIRST_SUM + 5] += t2 * d
        state[g, FIRST_SUM + 6] += t2 * d * d
        state[g, FIRST_SUM + 7] += f2 * c
        state[g, FIRST_SUM + 8] += f2 * c * c
        share = t * inverse * inverse
        state[g, C] += share * n
        state[g, D] += share * p
    state[g, P], state[g, N] = p, n
    state[g, T], state[g, F] = 0.0, 0.0


@compiled
def binary_pass(
    flags: Any, score: Any, loss: Any, weight: Any, codes: Any, wide: Any, table: Any, parts: int,
    bounds: Any, tenths: Any, state: Any, pieces: Any, squares: Any, tenth_sums: Any, loss_sums: Any,
) -> None:  # fmt: skip
    """Everything of one grouping in one pass over the rows by falling score.

    `bounds` int64 [pieces + 1] are positions between which neither the score's bin, its tenth (`tenths`) nor the side
    of the threshold changes. Added to: state float64 [G, STATE or PLAIN_STATE], pieces [pieces, G, 2] = rows by truth,
    tenth_sums float64 [G, 10, 2] = scores, squared errors, loss_sums float64 [G, 4] = log loss l, l^2, squared error q,
    q^2. With weights (else None) all of them are sums of weights, squares float64 [pieces, G, 2] those of squared
    weights, and loss_sums [G, 4:8] = w^2 l, w^2 l^2, w^2 q, w^2 q^2.
    """
    size = state.shape[0]
    local = np.empty(BLOCK, np.uint32)
    first, second, third = codes
    run = 0.0
    for piece in range(bounds.size - 1):
        counts = pieces[piece]
        low, high = bounds[piece], bounds[piece + 1]
        while low < high:
            stop = min(low + BLOCK, high)
            groups_look_up(local, low, stop, first, second, third, wide, table, parts)
            for i in range(low, stop):
                g = np.uintp(local[i - low])
                flag = flags[i]
                y = np.uintp(flag & 1)
                if flag & 2:
                    run += 1.0
                if state[g, RUN] != run:
                    _run_close(state, g, weight)
                    state[g, RUN] = run
                s, lost = score[i], loss[i]
                gap = s - y
                q = gap * gap
                if weight is None:
                    if y:
                        state[g, T] += 1.0
                    else:
                        state[g, F] += 1.0
                    counts[g, y] += 1
                    state[g, S] += s
                    state[g, Q] += q
                    loss_sums[g, 0] += lost
                    loss_sums[g, 1] += lost * lost
                    loss_sums[g, 3] += q * q
                else:
                    w = weight[i]
                    ww = w * w
                    if y:
                        state[g, T] += w
                        state[g, T2] += ww
                    else:
                        state[g, F] += w
                        state[g, F2] += ww
                    counts[g, y] += w
                    squares[piece, g, y] += ww
                    state[g, S] += w * s
                    state[g, Q] += w * q
                    loss_sums[g, 0] += w * lost
                    loss_sums[g, 1] += w * lost * lost
                    loss_sums[g, 3] += w * q * q
                    loss_sums[g, 4] += ww * lost
                    loss_sums[g, 5] += ww * lost * lost
                    loss_sums[g, 6] += ww * q
                    loss_sums[g, 7] += ww * q * q
            low = stop
        tenth = tenths[piece]
        if piece + 2 == bounds.size or tenths[piece + 1] != tenth:
            for group in range(size):
                tenth_sums[group, tenth, 0] += state[group, S]
                tenth_sums[group, tenth, 1] += state[group, Q]
                loss_sums[group, 2] += state[group, Q]
                state[group, S], state[group, Q] = 0.0, 0.0
    for group in range(size):
        _run_close(state, np.uintp(group), weight)


@compiled
def placements_pass(
    flags: Any, order: Any, weight: Any, codes: Any, wide: Any, table: Any, parts: int, state: Any, place: Any,
    part: Any,
) -> None:  # fmt: skip
    """What each row adds to both areas of its group, as the other pass sums it: written by row number.

    `place` gets A for a positive and B for a negative, `part` gets d for a positive and D for a negative (see
    RANK_SUMS); `order` is the row number of each position.
    """
    rows = flags.size
    local = np.empty(BLOCK, np.uint32)
    wider = np.empty(BLOCK, np.uint32)
    first, second, third = codes
    low = 0
    while low < rows:
        high = low + 1
        while high < rows and not flags[high] & 2:
            high += 1
        # Runs of single rows are the rule for fine scores: take as many whole runs as fit into a block.
        while high < rows and high - low < BLOCK // 2:
            further = high + 1
            while further < rows and not flags[further] & 2:
                further += 1
            if further - low > BLOCK:
                break
            high = further
        if high - low > local.size:
            wider = np.empty(high - low, np.uint32)
        groups = wider if high - low > local.size else local
        groups_look_up(groups, low, high, first, second, third, wide, table, parts)
        start = low
        while start < high:
            stop = start + 1
            while stop < high and not flags[stop] & 2:
                stop += 1
            for i in range(start, stop):
                y = flags[i] & 1
                state[np.uintp(groups[i - low]), T + 1 - y] += 1.0 if weight is None else weight[i]
            for i in range(start, stop):
                g = np.uintp(groups[i - low])
                t, f = state[g, T], state[g, F]
                if flags[i] & 1:
                    place[order[i]] = state[g, N] + 0.5 * f
                    p = state[g, P] + t
                    part[order[i]] = p / (p + state[g, N] + f) - state[g, C]
                else:
                    place[order[i]] = state[g, P] + 0.5 * t
                    part[order[i]] = state[g, D]
            for i in range(start, stop):
                g = np.uintp(groups[i - low])
                t, f = state[g, T], state[g, F]
                if t + f > 0:
                    p, n = state[g, P] + t, state[g, N] + f
                    share = t / ((p + n) * (p + n))
                    state[g, C] += share * n
                    state[g, D] += share * p
                    state[g, P], state[g, N], state[g, T], state[g, F] = p, n, 0.0, 0.0
            start = stop
        low = high


@compiled
def paired_pass(
    truth: Any, said: Any, losses: Any, places: Any, weight: Any, codes: Any, wide: Any, table: Any, parts: int,
    cells: Any, loss_sums: Any, place_sums: Any,
) -> None:  # fmt: skip
    """Candidate beside baseline, rows as they come.

    `said` uint8 [n] = 2 candidate + baseline; `losses` [2, n] log loss and squared error, candidate minus baseline;
    `places` [4, n] place and part of the candidate, then of the baseline. Added to: cells float64 [G, 16], rows by
    4 truth + said and the squares of their weights behind them; loss_sums float64 [G, 2, 4] = w d, w^2 d, w^2 d^2 and
    w^2; place_sums float64 [G, 2 areas, 2 truths, 2] = w^2 d and w^2 d^2 of the differences of place and part.
    """
    local = np.empty(BLOCK, np.uint32)
    first, second, third = codes
    low, rows = 0, truth.size
    while low < rows:
        stop = min(low + BLOCK, rows)
        groups_look_up(local, low, stop, first, second, third, wide, table, parts)
        for i in range(low, stop):
            g, y = np.uintp(local[i - low]), np.uintp(truth[i])
            w = 1.0 if weight is None else weight[i]
            ww = w * w
            cell = 4 * y + said[i]
            cells[g, cell] += w
            cells[g, 8 + cell] += ww
            for k in range(2):
                d = losses[k, i]
                loss_sums[g, k, 0] += w * d
                loss_sums[g, k, 1] += ww * d
                loss_sums[g, k, 2] += ww * d * d
                loss_sums[g, k, 3] += ww
                d = places[k, i] - places[2 + k, i]
                place_sums[g, k, y, 0] += ww * d
                place_sums[g, k, y, 1] += ww * d * d
        low = stop


@compiled
def sensitivity_pass(
    flags: Any, weight: Any, codes: Any, wide: Any, table: Any, parts: int, wanted: Any, state: Any, found: Any
) -> None:
    """Negatives above the first score at which `wanted` float64 [G, K] positives are reached: to found [G, K].

    Rows by falling score; `found` starts as nan; state float64 [G, STATE] as zeros.
    """
    local = np.empty(BLOCK, np.uint32)
    first, second, third = codes
    low, rows, run = 0, flags.size, 0.0
    while low < rows:
        stop = min(low + BLOCK, rows)
        groups_look_up(local, low, stop, first, second, third, wide, table, parts)
        for i in range(low, stop):
            g, flag = np.uintp(local[i - low]), flags[i]
            if flag & 2:
                run += 1.0
            if state[g, RUN] != run:
                _reached(state, g, wanted, found)
                state[g, RUN] = run
            state[g, P if flag & 1 else N] += 1.0 if weight is None else weight[i]
        low = stop
    for group in range(state.shape[0]):
        _reached(state, np.uintp(group), wanted, found)


@compiled
def _reached(state: Any, g: Any, wanted: Any, found: Any) -> None:
    for k in range(wanted.shape[1]):
        if np.isnan(found[g, k]) and state[g, P] > 0 and state[g, P] >= wanted[g, k]:
            found[g, k] = state[g, N]
