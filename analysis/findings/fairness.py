"""Every fairness criterion in the groups of every segment, and which of them cannot hold together."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from analysis.contracts.costs import ClassCosts, Costs, UnitCosts
from analysis.contracts.findings import ConflictsFound, Fairness, Findings
from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING
from analysis.criteria import (
    CriterionResult,
    binary_criteria,
    class_conflicts_find,
    conflicts_find,
    criteria_for,
    multiclass_criteria,
    ranking_criteria,
    regression_criteria,
)
from analysis.findings.rows import Grouped
from analysis.inputs import EvaluateSpec, EvaluationRows
from analysis.intervals import Floats
from analysis.segment_metrics.binary_rows import BinaryRows, RowCodes, binary_rows, binary_statistics
from analysis.segment_metrics.groupings import Grouping
from analysis.segment_metrics.multiclass import price_table
from analysis.segment_metrics.ranking import places_of
from analysis.support import Standing

Limits = Mapping[str, Mapping[str, float]]
"""Segment name -> criterion -> what the problem allows."""


def fairness_of(rows: EvaluationRows, spec: EvaluateSpec, grouped: Grouped, limits: Limits) -> tuple[Fairness, ...]:
    """One entry for each segment, in the order of the segments; hidden groups are left out and named."""
    found = []
    scored = _scored(rows) if spec.task == BINARY else None
    for grouping, standing in grouped.singles():
        if not grouping.parts:
            continue
        segment = grouping.parts[0].spec
        stated = limits.get(segment.name, {})
        criteria, conflicts, classes = _measured(rows, scored, spec, grouping, standing, stated)
        entry = {"segment": segment.name, "protected": segment.protected}
        entry["criteria"] = [one.to_json() for one in criteria]
        entry["conflicts"] = None if conflicts is None else asdict(conflicts)
        entry["class_conflicts"] = [{"of": name, "found": asdict(one)} for name, one in classes]
        found.append(entry)
    return Findings.from_json({"schema": 1, "fairness": found}).fairness or ()


def _scored(rows: EvaluationRows) -> BinaryRows:
    threshold = 0.5 if rows.candidate.threshold is None else rows.candidate.threshold
    return binary_rows(rows.truth.astype(np.bool_), np.asarray(rows.candidate.scores, np.float64), threshold)


def _measured(
    rows: EvaluationRows,
    scored: BinaryRows | None,
    spec: EvaluateSpec,
    grouping: Grouping,
    standing: Standing,
    limits: Mapping[str, float],
) -> tuple[list[CriterionResult], ConflictsFound | None, list[tuple[str, ConflictsFound]]]:
    """The criteria of the task, and what cannot hold together: of two classes, or of each of many against the rest."""
    labels = [grouping.label(group) for group in range(grouping.size)]
    hidden = [a or b for a, b in zip(standing.suppressed, standing.thin, strict=True)]
    codes = grouping.codes()
    empty = np.bincount(codes, minlength=grouping.size) == 0
    barred = [reason or ("no rows" if bare else None) for reason, bare in zip(hidden, empty.tolist(), strict=True)]
    level = spec.level
    if scored is not None:
        statistics = binary_statistics(grouping, scored, RowCodes.gather(grouping.parts, scored.order))
        costs = spec.costs if isinstance(spec.costs, Costs) else None
        criteria = binary_criteria(statistics, labels, barred, costs=costs, limits=limits, level=level)
        asked = [one.code for one in criteria_for(BINARY)]
        return criteria, conflicts_find(asked, statistics, labels, barred, costs=costs, level=level), []
    if spec.task == RANKING:
        return _ranked(rows, spec, codes, labels, barred, limits), None, []
    if spec.task == MULTICLASS:
        return _classes(rows, spec, grouping, labels, barred, limits)
    per_unit = spec.costs.per_unit if isinstance(spec.costs, UnitCosts) else None
    truth, said = rows.truth.astype(np.float64), np.asarray(rows.candidate.predicted, np.float64)
    found = regression_criteria(codes, labels, barred, truth, said, per_unit=per_unit, limits=limits, level=level)
    return found, None, []


def _ranked(
    rows: EvaluationRows,
    spec: EvaluateSpec,
    codes: npt.NDArray[np.int32],
    labels: list[str],
    barred: list[str | None],
    limits: Mapping[str, float],
) -> list[CriterionResult]:
    """Exposure, and exposure for merit, of items at the places that the candidate gives them."""
    queries = np.asarray(rows.queries, np.int64)
    relevance = rows.truth.astype(np.float64)
    places = places_of(queries, relevance, np.asarray(rows.candidate.scores, np.float64))
    return ranking_criteria(
        queries, places, codes, labels, barred, relevance=relevance, limits=limits, level=spec.level
    )


def _classes(
    rows: EvaluationRows,
    spec: EvaluateSpec,
    grouping: Grouping,
    labels: list[str],
    barred: list[str | None],
    limits: Mapping[str, float],
) -> tuple[list[CriterionResult], None, list[tuple[str, ConflictsFound]]]:
    classes = spec.classes or ()
    size, many = grouping.size, len(classes)
    truth = rows.truth.astype(np.int64)
    scores = None if rows.candidate.scores is None else np.asarray(rows.candidate.scores, np.float64)
    said = scores.argmax(axis=1) if scores is not None else np.asarray(rows.candidate.predicted, np.int64)
    codes = grouping.codes()
    cells = (codes * np.int64(many) + truth) * many + said
    confusion = np.bincount(cells, minlength=size * many * many).reshape(size, many, many)
    prices: Floats | None = price_table(spec.costs, classes) if isinstance(spec.costs, ClassCosts) else None
    scored = None if scores is None else (codes, truth, scores)
    found = multiclass_criteria(
        confusion, classes, labels, barred, scores=scored, prices=prices, limits=limits, level=spec.level
    )
    return found, None, class_conflicts_find(confusion, classes, labels, barred, scores=scored, level=spec.level)
