"""Rankings: rows are items, each belongs to a query, and the model orders the items of a query by falling score.

Definitions, r being an item's rank from 1: gain 2^relevance - 1, discount 1 / log2(1 + r), NDCG@k = DCG of the first k
over the best possible (Järvelin and Kekäläinen 2002); average precision@k = sum over relevant items among the first k
of the share of relevant items up to them, over min(k, relevant items); reciprocal rank = 1 / rank of the first relevant
item; relevant means a relevance above 0. Exposure of an item = its discount; of a group = mean over its items, and for
its merit = sum of exposure over sum of relevance (Singh and Joachims 2018). Items with equal scores come with the least
relevant first, so that a tie earns nothing and the order of rows does not matter. A query without a relevant item has
no quality and is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.contracts.metrics import EXPOSURES, MAP_AT, NDCG_AT
from analysis.intervals import Floats, Level, group_sum, mean_student, normal_z, ratio
from analysis.segment_metrics.estimates import Estimates, estimates, exact

Ints = npt.NDArray[np.int64]

DIVIDED = "the segment divides the items of a query"
NO_RELEVANT = "no query has a relevant item"


@dataclass(frozen=True, slots=True)
class RankingRows:
    """One model's items: the query of each row as a number from 0, its relevance and exposure [n], and per query
    [Q] the quality by metric, nan without a relevant item. `first` [Q] is a row of each query.
    """

    query: Ints
    relevance: Floats
    exposure: Floats
    quality: dict[str, Floats]
    first: Ints


@dataclass(frozen=True, slots=True)
class RankingStatistics:
    """By group: queries float64 [G, M, 3] = queries, sum and sum of squares of each quality; nan in a grouping that
    divides queries. exposures float64 [G, 2, 2] = value and variance of exposure and of exposure for merit; items,
    lists int64 [G] = rows and queries.
    """

    queries: Floats
    exposures: Floats
    items: Ints
    lists: Ints


def ranking_rows(
    query: npt.NDArray[np.generic], relevance: Floats, score: Floats, cutoffs: Sequence[int]
) -> RankingRows:
    """Check and rank. Raises ValueError for scores that are not finite and relevances below 0."""
    if not np.isfinite(score).all():
        raise ValueError("Every score is a finite number")
    if not (np.isfinite(relevance).all() and (relevance >= 0).all()):
        raise ValueError("Every relevance is a finite number of 0 or more")
    _, first, number = np.unique(query, return_index=True, return_inverse=True)
    size = first.size
    order = np.lexsort((relevance, -score, number))
    rank = _ranks(number[order], size)
    relevant = relevance[order] > 0
    of_query = number[order]
    discount = 1 / np.log2(1 + rank)
    hits = _running(relevant.astype(np.float64), of_query, size)
    total = group_sum(of_query, relevant, size)
    best = np.lexsort((-relevance, number))
    best_gain = (np.exp2(relevance[best]) - 1) / np.log2(1 + _ranks(number[best], size))
    gain = (np.exp2(relevance[order]) - 1) * discount
    quality = {}
    for k in cutoffs:
        inside = rank <= k
        ideal = group_sum(number[best], best_gain * (_ranks(number[best], size) <= k), size)
        quality[f"{NDCG_AT}{k}"] = ratio(group_sum(of_query, gain * inside, size), ideal)
        precise = group_sum(of_query, relevant * inside * hits / rank, size)
        quality[f"{MAP_AT}{k}"] = ratio(precise, np.minimum(total, k))
    place = np.full(size, np.inf)
    np.minimum.at(place, of_query[relevant], rank[relevant])
    quality["mrr"] = np.where(total > 0, 1 / place, np.nan)
    exposure = np.empty(rank.size)
    exposure[order] = discount
    return RankingRows(number.astype(np.int64), relevance, exposure, quality, first.astype(np.int64))


def places_of(query: npt.NDArray[np.generic], relevance: Floats, score: Floats) -> Ints:
    """The place from 1 of each row within its query, as metrics count it."""
    _, number = np.unique(query, return_inverse=True)
    order = np.lexsort((relevance, -score, number))
    places = np.empty(order.size, np.int64)
    places[order] = _ranks(number[order], int(number.max(initial=-1)) + 1).astype(np.int64)
    return places


def _ranks(of_query: Ints, size: int) -> Floats:
    """Rank from 1 of each row within its query; rows of a query side by side."""
    counts = np.bincount(of_query, minlength=size)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return np.arange(1, of_query.size + 1, dtype=np.float64) - before


def _running(values: Floats, of_query: Ints, size: int) -> Floats:
    """Running sum within each query."""
    running = np.cumsum(values)
    whole = group_sum(of_query, values, size)
    return running - (np.cumsum(whole) - whole)[of_query]


def query_groups(codes: npt.NDArray[np.int32], rows: RankingRows) -> npt.NDArray[np.int32] | None:
    """The group of each query; None when a query's items belong to several."""
    of_query = codes[rows.first]
    return of_query if (of_query[rows.query] == codes).all() else None


def ranking_statistics(codes: npt.NDArray[np.int32], size: int, rows: RankingRows) -> RankingStatistics:
    """Reduce all rows to the statistics of each group."""
    groups = query_groups(codes, rows)
    queries = np.full((size, len(rows.quality), 3), np.nan)
    for index, quality in enumerate(rows.quality.values()):
        if groups is not None:
            known = np.isfinite(quality)
            inside, values = groups[known], quality[known]
            for column, part in enumerate((np.ones(values.size), values, values**2)):
                queries[:, index, column] = group_sum(inside, part, size)
    cells, own = _cells(codes, rows)
    exposures = np.stack([_exposure(cells, own, size, which, rows)[:2] for which in (0, 1)], axis=0)
    items = np.bincount(codes, minlength=size)
    return RankingStatistics(queries, exposures.transpose(2, 0, 1), items, np.bincount(own, minlength=size))


def _cells(codes: npt.NDArray[np.int32], rows: RankingRows) -> tuple[Ints, Ints]:
    """The cell (group and query) of each row, numbered, and the group of each cell."""
    wide = codes * np.int64(rows.first.size) + rows.query
    keys, cells = np.unique(wide, return_inverse=True)
    return cells.astype(np.int64), keys // rows.first.size


def _exposure(cells: Ints, own: Ints, size: int, which: int, rows: RankingRows) -> tuple[Floats, Floats, Floats]:
    """Exposure per item (0) or per relevance (1) of each group, its variance, and the influence of each cell.

    A ratio of sums over queries, which are what is drawn independently: linearised, with Q / (Q - 1).
    """
    bottom = np.ones(rows.query.size) if which == 0 else rows.relevance
    top_cell, bottom_cell = (group_sum(cells, part, own.size) for part in (rows.exposure, bottom))
    whole = group_sum(own, bottom_cell, size)
    value = ratio(group_sum(own, top_cell, size), whole)
    influence = np.nan_to_num(ratio(top_cell - value[own] * bottom_cell, whole[own]))
    lists = np.bincount(own, minlength=size)
    variance = np.where(lists > 1, group_sum(own, influence**2, size) * ratio(lists, lists - 1), np.nan)
    return value, variance, influence


def ranking_estimates(
    statistics: RankingStatistics, qualities: Sequence[str], *, level: Level = 0.95
) -> dict[str, Estimates]:
    """All metrics of all groups with intervals; a quality's n is the number of queries with a relevant item."""
    found = {"count": exact(statistics.items, statistics.items)}
    for index, name in enumerate(qualities):
        n, total, squares = statistics.queries[:, index].T
        low, high = mean_student(total, squares, n, level)
        divided = bool(np.isnan(n).any())
        found[name] = estimates(
            ratio(total, n),
            (np.maximum(low, 0), np.minimum(high, 1)),
            np.nan_to_num(n),
            "t over queries",
            DIVIDED if divided else NO_RELEVANT,
        )
    for index, name in enumerate(EXPOSURES):
        value, variance = statistics.exposures[:, index].T
        half = normal_z(level) * np.sqrt(variance)
        reason = "the group has no relevant item" if index else "there are no rows"
        found[name] = estimates(
            value, (np.maximum(value - half, 0), value + half), statistics.lists, "ratio of sums over queries", reason
        )
    return found


def exposure_differences(
    codes: npt.NDArray[np.int32], size: int, candidate: RankingRows, baseline: RankingRows
) -> list[tuple[Floats, Floats]]:
    """Candidate minus baseline of both exposures: value and standard error, from the same queries."""
    cells, own = _cells(codes, candidate)
    lists = np.bincount(own, minlength=size)
    out = []
    for which in (0, 1):
        (first, _, one), (second, _, two) = (_exposure(cells, own, size, which, each) for each in (candidate, baseline))
        variance = group_sum(own, (one - two) ** 2, size) * ratio(lists, lists - 1)
        out.append((first - second, np.sqrt(np.where(lists > 1, variance, np.nan))))
    return out
