"""How much each parameter of a series of runs has to do with a metric: standard library only.

For each parameter two measures on the ranks of the metric, so that outliers count as one place and no curve is assumed:

- the share of the ranks' variance that groups of equal (or, for many numbers, similar) values explain, as epsilon
  squared, which is corrected for chance: T. L. Kelley, "An unbiased correlation ratio measure", PNAS 21 (1935) 554-559;
  on ranks it belongs to the test of W. H. Kruskal and W. A. Wallis, JASA 47 (1952) 583-621;
- for numbers, the rank correlation of C. Spearman, American Journal of Psychology 15 (1904) 72-101, whose sign says the
  direction.

Neither knows of other parameters: what was always changed together shares its importance, and what nobody tried has
none. It describes these runs and is no proof of a cause.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAST_RUNS = 5
GROUPS = 6
# More different texts than that share of the runs say nothing: each run is a group of its own.
MOST_DIFFERENT = 0.5


@dataclass(frozen=True, slots=True)
class Importance:
    """Of one parameter: variance explained (0 to 1), rank correlation (None for texts), runs and different values."""

    key: str
    explained: float
    correlation: float | None
    runs: int
    values: int


def importances(rows: Sequence[tuple[Mapping[str, str], float]]) -> list[Importance]:
    """Of every parameter that varies, the most important first; `rows` are the params of a run and its metric.

    Runs whose metric is not finite are left out. Empty with fewer than five runs.
    """
    finite = [(params, value) for params, value in rows if math.isfinite(value)]
    found = []
    for key in sorted({key for params, _ in finite for key in params}):
        pairs = [(params[key], value) for params, value in finite if key in params]
        one = _importance(key, [text for text, _ in pairs], [value for _, value in pairs])
        if one is not None:
            found.append(one)
    return sorted(found, key=lambda one: (-one.explained, -abs(one.correlation or 0.0), one.key))


def _importance(key: str, texts: Sequence[str], values: Sequence[float]) -> Importance | None:
    different = len(set(texts))
    if len(texts) < LEAST_RUNS or different < 2:
        return None
    ranked = ranks(values)
    numbers = _numbers(texts)
    groups: Sequence[object] = texts
    if numbers is not None and different > GROUPS:
        placed = ranks(numbers)
        groups = [min(int((place - 0.5) * GROUPS / len(placed)), GROUPS - 1) for place in placed]
    elif numbers is None and different > MOST_DIFFERENT * len(texts):
        return None
    correlation = None if numbers is None else _correlation(ranks(numbers), ranked)
    return Importance(key, _epsilon_squared(groups, ranked), correlation, len(texts), different)


def ranks(values: Sequence[float]) -> list[float]:
    """Places from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for place in order[at : end + 1]:
            found[place] = (at + end) / 2 + 1
        at = end + 1
    return found


def _numbers(texts: Sequence[str]) -> list[float] | None:
    """The texts as finite numbers; None when one of them is none."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _epsilon_squared(groups: Sequence[object], values: Sequence[float]) -> float:
    """The share of variance that groups explain, less what chance would: not below 0."""
    by_group: dict[object, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        by_group.setdefault(group, []).append(value)
    count, mean = len(values), math.fsum(values) / len(values)
    total = math.fsum((value - mean) ** 2 for value in values)
    within = math.fsum(
        (value - middle) ** 2
        for members in by_group.values()
        for middle in [math.fsum(members) / len(members)]
        for value in members
    )
    free = count - len(by_group)
    if total == 0 or free <= 0:
        return 0.0
    return max(0.0, 1.0 - within / free / (total / (count - 1)))


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's correlation, of ranks here; 0 where one of them does not vary."""
    mean_one, mean_other = math.fsum(one) / len(one), math.fsum(other) / len(other)
    across = math.fsum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = math.fsum((a - mean_one) ** 2 for a in one) * math.fsum((b - mean_other) ** 2 for b in other)
    return 0.0 if spread == 0 else max(-1.0, min(1.0, across / math.sqrt(spread)))
