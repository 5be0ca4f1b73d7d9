"""One measured criterion: the number with its interval, the groups behind it, and whether it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from analysis.contracts.criteria import CRITERIA, RATIO, WORST
from analysis.contracts.findings import BROKEN, HOLDS, NOT_ENOUGH_DATA, NOT_PROVEN, CriterionGroup
from analysis.contracts.report import LeftOut
from analysis.fairness import (
    EQUALIZED_ODDS,
    METHOD,
    NO_GAP,
    EstimatesAt,
    Gap,
    comparable_groups,
    larger_gap,
    range_gap,
    ratio_gap,
    worst_gap,
)
from analysis.intervals import sidak_level
from analysis.segment_metrics.estimates import Estimates

Holding: TypeAlias = Literal["holds", "does not hold", "not proven", "not enough data"]
FEW_GROUPS: Final = "fewer than two groups can be compared"


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One criterion over the groups of one segment; `value` is None exactly when `undefined` says why.

    `of` is the class that is set against the rest, None for a task without classes or for the worst of them. `holding`
    is None when there is no limit to hold it against.
    """

    criterion: str
    of: str | None
    value: float | None
    low: float | None
    high: float | None
    method: str | None
    limit: float | None
    holding: Holding | None
    lowest: str | None
    highest: str | None
    groups: tuple[CriterionGroup, ...]
    left_out: tuple[LeftOut, ...]
    undefined: str | None = None
    worst_class: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON, with the criterion's name and question beside its code."""
        data = asdict(self)
        data["groups"] = [asdict(one) for one in self.groups]
        data["left_out"] = [asdict(one) for one in self.left_out]
        named = CRITERIA[self.criterion]
        return {**data, "name": named.name, "question": named.question}


def criterion_measure(
    code: str,
    metrics: Sequence[str],
    at: EstimatesAt,
    labels: Sequence[str],
    barred: Sequence[str | None],
    *,
    level: float,
    limit: float | None = None,
    of: str | None = None,
    joint: float | None = None,
) -> CriterionResult:
    """Measure one criterion by the rule of `analysis.fairness`: intervals of all groups that cover together.

    `barred[g]` is the reason why group g is not compared, or None. `joint` gives each group's level where the groups
    are not of independent rows. `limit` replaces the customary one.
    """
    named = CRITERIA[code]
    limit = named.limit if limit is None else limit
    usable = np.asarray([reason is None for reason in barred], np.bool_)
    plain = at(level)
    members = [comparable_groups(plain, name, usable) for name in metrics]
    strict = at(sidak_level(level, sum(one.size for one in members)) if joint is None else joint)
    shape = {RATIO: ratio_gap, WORST: worst_gap}.get(named.shape, range_gap)
    gaps = [
        shape(strict[name].value, strict[name].low, strict[name].high, used)
        for name, used in zip(metrics, members, strict=True)
    ]
    gap = larger_gap(gaps[0], gaps[1]) if code == EQUALIZED_ODDS else gaps[0]
    why = None if gap.value is not None else _why_none(gap, named.shape, members[0].size)
    return CriterionResult(
        criterion=code,
        of=of,
        value=gap.value,
        low=gap.low,
        high=gap.high,
        method=None if gap.value is None else METHOD,
        limit=limit,
        holding=holding_find(gap, limit, ratio=named.shape == RATIO),
        lowest=None if gap.lowest is None else labels[gap.lowest],
        highest=None if gap.highest is None else labels[gap.highest],
        groups=tuple(_group_values(strict, metrics, labels, usable)),
        left_out=tuple(_left_out(plain, metrics, members, labels, barred)),
        undefined=why,
    )


def criterion_undefined(
    code: str, reason: str, *, limit: float | None = None, of: str | None = None
) -> CriterionResult:
    """A criterion that cannot be measured at all, with the reason."""
    limit = CRITERIA[code].limit if limit is None else limit
    holding: Holding | None = None if limit is None else NOT_ENOUGH_DATA
    return CriterionResult(code, of, None, None, None, None, limit, holding, None, None, (), (), reason)


def criterion_worst(results: Sequence[CriterionResult]) -> CriterionResult:
    """The worst of the classes, with an interval for the worst: all are at levels that cover together.

    Classes in which the criterion is undefined do not count, and are named; all undefined, it is undefined.
    """
    code, limit = results[0].criterion, results[0].limit
    known = [one for one in results if one.value is not None]
    if not known:
        return criterion_undefined(code, f"in no class: {results[0].undefined}", limit=limit)
    ratio = CRITERIA[code].shape == RATIO
    pick = min if ratio else max
    worst = pick(known, key=lambda one: one.value or 0.0)
    gap = Gap(
        worst.value,
        pick(one.low or 0.0 for one in known),
        pick(one.high or 0.0 for one in known),
        (),
        None,
        None,
    )
    left_out = [*worst.left_out]
    left_out += [LeftOut(f"class {one.of}", one.undefined) for one in results if one.undefined is not None]
    return CriterionResult(
        criterion=code,
        of=None,
        value=gap.value,
        low=gap.low,
        high=gap.high,
        method=METHOD,
        limit=limit,
        holding=holding_find(gap, limit, ratio=ratio),
        lowest=worst.lowest,
        highest=worst.highest,
        groups=worst.groups,
        left_out=tuple(left_out),
        worst_class=worst.of,
    )


def holding_find(gap: Gap, limit: float | None, *, ratio: bool) -> Holding | None:
    """Whether all of the interval is on the good side of the limit, on the bad side, or neither."""
    if limit is None:
        return None
    if gap.low is None or gap.high is None:
        return NOT_ENOUGH_DATA
    if ratio:
        return HOLDS if gap.low >= limit else BROKEN if gap.high < limit else NOT_PROVEN
    return HOLDS if gap.high <= limit else BROKEN if gap.low > limit else NOT_PROVEN


def _why_none(gap: Gap, shape: str, comparable: int) -> str:
    if shape == WORST:
        return "no group can be judged"
    if gap is NO_GAP and shape == RATIO and comparable >= 2:
        return "every group has the value zero"
    return FEW_GROUPS


def _group_values(
    found: Mapping[str, Estimates], metrics: Sequence[str], labels: Sequence[str], usable: np.ndarray
) -> list[CriterionGroup]:
    return [
        CriterionGroup(label, name, found[name].one(group, int(found[name].n[group])))
        for group, label in enumerate(labels)
        if usable[group]
        for name in metrics
    ]


def _left_out(
    found: Mapping[str, Estimates],
    metrics: Sequence[str],
    members: Sequence[np.ndarray],
    labels: Sequence[str],
    barred: Sequence[str | None],
) -> list[LeftOut]:
    out = []
    for group, (label, reason) in enumerate(zip(labels, barred, strict=True)):
        if reason is not None:
            out.append(LeftOut(label, reason))
            continue
        for name, used in zip(metrics, members, strict=True):
            if group not in used:
                known = np.isfinite(found[name].value[group])
                out.append(LeftOut(label, "there is no interval" if known else found[name].reason))
                break
    return out
