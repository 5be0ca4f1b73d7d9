"""The part "combination" of the findings: every rule and metric in everyone and the groups of each segment."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.combination import (
    LEAST_SURE,
    Measured,
    Part,
    Together,
    answered_shares,
    coalition_answers,
    influences_measure,
    means_measure,
    metrics_of,
    needs_scores,
    nobody,
    row_values,
    rules_of,
    wanted_sums,
)
from analysis.contracts.findings.combination import (
    CASCADE,
    VOTE,
    Combination,
    CombinedFound,
    CombinedGroup,
    MemberFound,
    ShareFound,
)
from analysis.contracts.metrics import MULTICLASS
from analysis.contracts.report import Estimate
from analysis.findings.rows import Grouped
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput, row_digest
from analysis.intervals import Floats, benjamini_hochberg
from analysis.segment_metrics.groupings import Grouping
from analysis.support import Standing

MOST_KEPT = 16_000_000
"""Numbers of all coalitions that are kept in memory; beyond that they are made anew for each metric."""
MOST_RANKED = 60_000_000
"""Rows times coalitions times groupings up to which areas are ranked in every group; beyond that for everyone only."""


@dataclass(frozen=True, slots=True)
class Member:
    """A version that answered the rows."""

    id: str
    name: str
    output: ModelOutput


def combination_of(
    rows: EvaluationRows, spec: EvaluateSpec, grouped: Grouped, members: Sequence[Member], sure: float = LEAST_SURE
) -> Combination:
    """Measure all coalitions of the members, the first of whom is the candidate. Raises ValueError when outputs do not
    fit together.
    """
    outputs = [one.output for one in members]
    if any(len(_answers(one)) != len(rows.truth) for one in outputs):
        raise ValueError("Every member answers every row")
    work = _Work(rows, spec, outputs, sure)
    rules = rules_of(spec.task, outputs, sure)
    asked = [
        (rule.code, metric)
        for rule in rules
        for metric in metrics_of(spec)
        if not (rule.code == VOTE and needs_scores(metric))
    ]
    singles = grouped.singles()
    ranked_all = len(rows.truth) * (1 << len(members)) * len(singles) <= MOST_RANKED
    measured: dict[tuple[int, str, str], Measured] = {}
    for rule in dict.fromkeys(code for code, _ in asked):
        walk = work.walk(rule)
        for metric in (name for code, name in asked if code == rule):
            values = work.values(metric, walk()) if metric not in _NO_MEANS else None
            parts = work.parts(metric, walk) if values is None else _no_parts
            for place, (grouping, _) in enumerate(singles):
                if values is None and place and not ranked_all:
                    continue
                measured[place, rule, metric] = work.measure(metric, values, parts, grouping)
    groups = [
        group
        for place, (grouping, standing) in enumerate(singles)
        for group in _groups(place, grouping, standing, measured, asked, work)
    ]
    notes = []
    if not ranked_all:
        notes.append("ROC AUC and root errors of combinations are given for everyone only: there are too many rows.")
    return Combination(
        row_digest=row_digest(rows.row_ids, rows.truth),
        members=tuple(MemberFound(one.id, one.name, one.output.threshold, _digest(one.output)) for one in members),
        rules=rules,
        metrics=tuple(dict.fromkeys(metric for _, metric in asked)),
        groups=_corrected(groups),
        notes=tuple(notes),
    )


_NO_MEANS = ("roc_auc", "rmse")


def _no_parts() -> tuple[Part, ...]:
    return ()


def _digest(output: ModelOutput) -> str:
    return hashlib.sha256(_answers(output).tobytes()).hexdigest()


def _answers(output: ModelOutput) -> Floats:
    held = output.scores if output.scores is not None else output.predicted
    return np.ascontiguousarray(held, np.float64)


@dataclass(frozen=True, slots=True)
class _Work:
    """The rows with every member's answers; coalitions are made anew at each walk, so that memory stays small."""

    rows: EvaluationRows
    spec: EvaluateSpec
    outputs: Sequence[ModelOutput]
    sure: float

    @property
    def count(self) -> int:
        """Members."""
        return len(self.outputs)

    def coalitions(self, rule: str) -> Iterator[Together]:
        """Nobody first; bit k of a coalition's place is member k."""
        classes = len(self.spec.classes or ()) if self.spec.task == MULTICLASS else 0
        yield nobody(self.rows, self.spec.task, classes)
        for coalition in range(1, 1 << self.count):
            places = [at for at in range(self.count) if coalition >> at & 1]
            yield coalition_answers(rule, self.spec.task, self.outputs, places, self.sure)

    def walk(self, rule: str) -> Callable[[], Iterable[Together]]:
        """Goes over the coalitions as often as it is called; they are kept while they are small."""
        if len(self.rows.truth) * self._width << self.count > MOST_KEPT:
            return lambda: self.coalitions(rule)
        kept = list(self.coalitions(rule))
        return lambda: kept

    @property
    def _width(self) -> int:
        return len(self.spec.classes or ()) if self.spec.task == MULTICLASS else 1

    def parts(self, metric: str, walk: Callable[[], Iterable[Together]]) -> Callable[[], Iterable[Part]]:
        """What a metric that is no mean is made of, for each coalition: scores with the order of the rows by them, or
        squared errors. Orders are kept while they are small.
        """

        def made() -> Iterator[Part]:
            for one in walk():
                if metric == "roc_auc":
                    scores = np.asarray(one.scores)
                    yield scores, np.argsort(scores).astype(np.int32)
                else:
                    yield row_values(metric, one, self.rows, self.spec), None

        if len(self.rows.truth) << self.count > MOST_KEPT:
            return made
        kept = list(made())
        return lambda: kept

    def values(self, metric: str, coalitions: Iterable[Together]) -> Floats:
        """The wanted sums of each row [K, n] of a metric that is a mean."""
        wanted = wanted_sums(self.count)
        found = np.zeros((len(wanted), len(self.rows.truth)))
        for place, together in enumerate(coalitions):
            one = row_values(metric, together, self.rows, self.spec)
            for at in np.flatnonzero(wanted[:, place]):
                found[at] += wanted[at, place] * one
        # A row that the metric leaves out is left out of every sum, also of those that no coalition entered.
        found[:, ~np.isfinite(found[0])] = np.nan
        return found

    def measure(
        self, metric: str, values: Floats | None, parts: Callable[[], Iterable[Part]], grouping: Grouping
    ) -> Measured:
        """One metric in the groups of a grouping."""
        rows, level, codes = self.rows, self.spec.level, grouping.codes()
        if values is not None:
            return means_measure(metric, values, codes, grouping.size, rows.weights, level, self.count)
        wanted = wanted_sums(self.count)
        return influences_measure(
            metric, parts(), wanted, rows.truth, codes, grouping.size, rows.weights, level, self.count
        )

    def answered(self, grouping: Grouping) -> Floats:
        """The share of the rows of each group that each member answers in the cascade: [G, M]."""
        codes, size = grouping.codes(), grouping.size
        n = np.maximum(np.bincount(codes, minlength=size), 1)
        taken = answered_shares(self.spec.task, self.outputs, self.sure)
        return np.stack([np.bincount(codes[one], minlength=size) / n for one in taken], axis=1)


def _groups(
    place: int,
    grouping: Grouping,
    standing: Standing,
    measured: dict[tuple[int, str, str], Measured],
    asked: Sequence[tuple[str, str]],
    work: _Work,
) -> list[CombinedGroup]:
    sizes = np.bincount(grouping.codes(), minlength=grouping.size)
    cascade = any(rule == CASCADE for rule, _ in asked)
    answered = work.answered(grouping) if cascade else None
    segment = grouping.parts[0].spec.name if grouping.parts else ""
    found = []
    for group in range(grouping.size):
        barred = standing.suppressed[group] or (None if sizes[group] else "no rows")
        results = []
        if barred is None:
            for rule, metric in asked:
                held = measured.get((place, rule, metric))
                if held is not None:
                    results.append(_result(rule, metric, held, group, work.count))
        shown = barred is None and answered is not None
        found.append(
            CombinedGroup(
                key=grouping.key(group),
                label=grouping.label(group),
                segment=segment,
                protected=grouping.protected,
                n=int(sizes[group]) if barred is None else None,
                results=tuple(results),
                answered=tuple(answered[group].tolist()) if shown and answered is not None else (),
                barred=barred,
                thin=standing.thin[group] if barred is None else None,
            )
        )
    return found


def _result(rule: str, metric: str, found: Measured, group: int, count: int) -> CombinedFound:
    def estimate(at: int) -> Estimate:
        value, n = float(found.value[at, group]), int(found.n[group])
        if not np.isfinite(value):
            return Estimate(None, n=n, undefined=_WHY.get(metric, "there are no rows"))
        low, high = float(found.low[at, group]), float(found.high[at, group])
        if not (np.isfinite(low) and np.isfinite(high)):
            return Estimate(value, n=n)
        return Estimate(value, low, high, found.method[at], n)

    def p(at: int) -> float | None:
        value = float(found.p[at, group])
        return value if np.isfinite(value) and np.isfinite(found.value[at, group]) else None

    shares = tuple(
        ShareFound(estimate(3 + at), estimate(3 + count + at), estimate(3 + 2 * count + at), p(3 + count + at), None)
        for at in range(count)
    )
    return CombinedFound(rule, metric, estimate(0), estimate(1), estimate(2), shares)


_WHY = {
    "roc_auc": "the group has one outcome only",
    "fpr": "the group has no negatives",
    "fnr": "the group has no positives",
}


def _corrected(groups: Sequence[CombinedGroup]) -> tuple[CombinedGroup, ...]:
    """Benjamini-Hochberg over every leave-one-out of every judged group."""
    tests = [
        share.p
        for group in groups
        if group.barred is None and group.thin is None
        for result in group.results
        for share in result.members
    ]
    corrected = iter(benjamini_hochberg([np.nan if one is None else one for one in tests]).tolist())
    out = []
    for group in groups:
        if group.barred is not None or group.thin is not None:
            out.append(group)
            continue
        results = []
        for result in group.results:
            shares = []
            for share in result.members:
                value = next(corrected)
                shares.append(replace(share, p_adjusted=value if np.isfinite(value) else None))
            results.append(replace(result, members=tuple(shares)))
        out.append(replace(group, results=tuple(results)))
    return tuple(out)
