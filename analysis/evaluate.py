"""The one entry point of an evaluation job: rows and a spec in, a report and its stored statistics out."""

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.assembly import conditional_assemble, confusion_assemble, disparities_assemble, groups_assemble
from analysis.contracts.costs import ClassCosts, Costs, UnitCosts
from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING, metric_get
from analysis.contracts.report import Conditional, Dimension, Disparity, Group, Report
from analysis.custom import CustomValues, customs_of
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput, row_digest
from analysis.intervals import Floats, benjamini_hochberg
from analysis.kernels import BinaryKernel, Kernel, Measured, MulticlassKernel, RankingKernel, RegressionKernel
from analysis.segment_metrics.binary_rows import RowCodes, binary_rows
from analysis.segment_metrics.groupings import Grouping, groupings_build
from analysis.segment_metrics.multiclass import multiclass_rows, price_table
from analysis.segment_metrics.ranking import ranking_rows
from analysis.segment_metrics.regression import regression_rows
from analysis.segments import SegmentCodes, segments_evaluate
from analysis.statistics import Arrays
from analysis.support import Standing, standings

__all__ = ["EvaluateSpec", "EvaluationRows", "ModelOutput", "evaluate_table"]


def evaluate_table(
    rows: EvaluationRows,
    spec: EvaluateSpec,
    *,
    importance: Sequence[Mapping[str, Any]] = (),
    threads: int | None = None,
) -> tuple[Report, Arrays]:
    """Evaluate: the report, and the arrays for `statistics.statistics_write`.

    Groupings are spread over `threads`, as many as there are processors when None.

    Raises ValueError when arrays do not fit together or scores are not what the task needs. A segment that does not
    fit its columns does not stop the evaluation: its dimension carries the error.
    """
    n = len(rows.truth)
    if rows.columns.num_rows != n or len(rows.row_ids) != n:
        raise ValueError("Row ids, truths and columns have the same number of rows")
    if n == 0:
        raise ValueError("There are no rows to evaluate")
    return evaluate_rows(rows, spec, segments_evaluate(spec.segments, rows.columns), importance, threads)


def evaluate_rows(
    rows: EvaluationRows,
    spec: EvaluateSpec,
    segments: Sequence[SegmentCodes],
    importance: Sequence[Mapping[str, Any]] = (),
    threads: int | None = None,
) -> tuple[Report, Arrays]:
    """The same when the segments were divided before; `rows.columns` is not read."""
    n = len(rows.truth)
    kernel = _kernel(rows, spec, segments)
    groupings, notes = groupings_build(segments, n, crossings=spec.crossings, triples=spec.triples)
    with ThreadPoolExecutor(threads or processors()) as pool:
        measured = list(pool.map(lambda one: kernel.measure(one, spec.level), groupings))
    head = ReportHead(
        n=n,
        row_digest=row_digest(rows.row_ids, rows.truth),
        threshold=_threshold(rows.candidate, spec),
        baseline_threshold=None if rows.baseline is None else _threshold(rows.baseline, spec),
        has_baseline=rows.baseline is not None,
        notes=tuple(notes),
        importance=tuple(dict(one) for one in importance),
    )
    return report_build(head, spec, segments, groupings, measured)


@dataclass(frozen=True, slots=True)
class ReportHead:
    """What a report says of its rows as a whole."""

    n: int
    row_digest: str
    threshold: float | None
    baseline_threshold: float | None
    has_baseline: bool
    notes: tuple[str, ...] = ()
    importance: tuple[dict[str, Any], ...] = ()


def report_build(
    head: ReportHead,
    spec: EvaluateSpec,
    segments: Sequence[SegmentCodes],
    groupings: Sequence[Grouping],
    measured: Sequence[Measured],
) -> tuple[Report, Arrays]:
    """Judge who may be shown, correct the findings, put the report together; everyone is the first grouping."""
    with _uncollected():
        return _report(head, spec, segments, groupings, measured)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for cycles, of which a report has none: it would go through its many small parts again and
    again while they are made.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _report(
    head: ReportHead,
    spec: EvaluateSpec,
    segments: Sequence[SegmentCodes],
    groupings: Sequence[Grouping],
    measured: Sequence[Measured],
) -> tuple[Report, Arrays]:
    standing = standings(groupings, [one.sizes for one in measured], spec.least_support)
    adjusted, findings = _corrected(measured, standing)
    groups: list[Group] = []
    disparities: list[Disparity] = []
    conditional: list[Conditional] = []
    for grouping, found, state, corrected in zip(groupings, measured, standing, adjusted, strict=True):
        groups.extend(groups_assemble(grouping, found, state, corrected, spec))
        if grouping.parts:
            disparities.extend(disparities_assemble(grouping, found, state, spec))
            conditional.extend(conditional_assemble(grouping, found, state, spec))
    whole = measured[0]
    shown = groups[0].suppressed is None
    report = Report(
        task=spec.task,
        n=head.n,
        row_digest=head.row_digest,
        level=spec.level,
        threshold=head.threshold,
        baseline_threshold=head.baseline_threshold,
        positive_label=spec.positive_label,
        classes=spec.classes if spec.task == MULTICLASS else None,
        costs=None if spec.costs is None else asdict(spec.costs),
        has_baseline=head.has_baseline,
        dimensions=tuple(
            Dimension(one.spec.id, one.spec.name, one.spec.protected, one.spec.purpose, one.labels, one.error)
            for one in segments
        ),
        groups=tuple(groups),
        disparities=tuple(disparities),
        confusion=confusion_assemble(whole.confusion, spec) if shown else None,
        baseline_confusion=confusion_assemble(whole.baseline_confusion, spec) if shown else None,
        importance=head.importance,
        findings=findings,
        notes=head.notes,
        conditional=tuple(conditional),
    )
    return report, _stored(groupings, measured, standing)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threshold(output: ModelOutput, spec: EvaluateSpec) -> float | None:
    if spec.task != BINARY:
        return None
    return 0.5 if output.threshold is None else float(output.threshold)


def _kernel(rows: EvaluationRows, spec: EvaluateSpec, segments: Sequence[SegmentCodes]) -> Kernel:
    outputs = [rows.candidate] if rows.baseline is None else [rows.candidate, rows.baseline]
    for array in (rows.weights, *(part for one in outputs for part in (one.scores, one.predicted))):
        if array is not None and len(array) != len(rows.truth):
            raise ValueError("A model's output and the weights have as many rows as there are truths")
    if rows.weights is not None and not ((rows.weights > 0) & np.isfinite(rows.weights)).all():
        raise ValueError("Every row's weight is a finite number above 0")
    if spec.task == RANKING:
        return _ranking(rows, outputs, spec)
    usable = [one for one in segments if one.labels]
    customs = customs_of(spec.custom, spec.task)
    values = CustomValues.of(customs, rows.truth, outputs, rows.weights)
    if spec.task == BINARY:
        truth = rows.truth.astype(np.bool_)
        return BinaryKernel.of(
            [binary_rows(truth, _scores(one), _threshold(one, spec) or 0.0, rows.weights) for one in outputs],
            usable,
            values,
            costs=spec.costs if isinstance(spec.costs, Costs) else None,
            sensitivities=spec.sensitivities,
            customs=customs,
        )
    if spec.task == MULTICLASS:
        classes = spec.classes or ()
        codes = rows.truth.astype(np.int32)
        if codes.min() < 0 or codes.max() >= len(classes):
            raise ValueError("A truth is none of the classes")
        many = tuple(
            multiclass_rows(
                codes,
                len(classes),
                None if one.scores is None else np.asarray(one.scores, np.float64),
                None if one.predicted is None else one.predicted.astype(np.int32),
                rows.weights,
            )
            for one in outputs
        )
        ordered = tuple(tuple(RowCodes.gather(usable, each.order) for each in one.ordered) for one in many)
        prices = price_table(spec.costs, classes) if isinstance(spec.costs, ClassCosts) else None
        return MulticlassKernel(many, ordered, classes, prices, spec.top_k, values)
    truths = rows.truth.astype(np.float64)
    numbers = tuple(regression_rows(truths, _predictions(one), spec.tolerance, rows.weights) for one in outputs)
    return RegressionKernel(numbers, spec.costs.per_unit if isinstance(spec.costs, UnitCosts) else None, values)


def _ranking(rows: EvaluationRows, outputs: Sequence[ModelOutput], spec: EvaluateSpec) -> RankingKernel:
    if rows.queries is None or len(rows.queries) != len(rows.truth):
        raise ValueError("A ranking needs the query of every row")
    if rows.weights is not None or spec.custom:
        raise ValueError("Weights and metrics of one's own are not for rankings")
    relevance = rows.truth.astype(np.float64)
    return RankingKernel(
        tuple(ranking_rows(rows.queries, relevance, _scores(one), spec.cutoffs) for one in outputs)
    )  # fmt: skip


def _scores(output: ModelOutput) -> Floats:
    if output.scores is None or np.ndim(output.scores) != 1:
        raise ValueError("Two classes and rankings need one score per row")
    return np.asarray(output.scores, np.float64)


def _predictions(output: ModelOutput) -> Floats:
    if output.predicted is None:
        raise ValueError("A regression needs one prediction per row")
    return output.predicted.astype(np.float64)


def _corrected(measured: Sequence[Measured], standing: Sequence[Standing]) -> tuple[list[dict[str, Floats]], int]:
    """Benjamini-Hochberg over all findings of the report: every metric with a direction of every usable group.

    Metrics that mirror another (recall and missed positives) are one finding and share its corrected value.
    """
    places: list[tuple[int, str]] = []
    values: list[Floats] = []
    for index, (found, state) in enumerate(zip(measured, standing, strict=True)):
        for name, difference in found.differences.items():
            metric = metric_get(name)
            if metric.mirror_of is None and metric.higher_is_better is not None:
                places.append((index, name))
                values.append(np.where(state.usable(), difference.p, np.nan))
    flat = np.concatenate(values) if values else np.zeros(0)
    corrected = benjamini_hochberg(flat)
    out: list[dict[str, Floats]] = [{} for _ in measured]
    at = 0
    for (index, name), one in zip(places, values, strict=True):
        out[index][name] = corrected[at : at + one.size]
        at += one.size
    for index, found in enumerate(measured):
        for name in found.differences:
            mirror = metric_get(name).mirror_of
            if mirror is not None and mirror in out[index]:
                out[index][name] = out[index][mirror]
    return out, int(np.isfinite(flat).sum())


def _stored(groupings: Sequence[Grouping], measured: Sequence[Measured], standing: Sequence[Standing]) -> Arrays:
    """The statistics of all shown groups, one row each, under their keys."""
    keys = [
        grouping.key(int(index))
        for grouping, state in zip(groupings, standing, strict=True)
        for index in np.flatnonzero(state.shown())
    ]
    arrays: Arrays = {"keys": np.asarray(keys, dtype=np.str_)}
    for name in measured[0].arrays:
        parts = [found.arrays[name][state.shown()] for found, state in zip(measured, standing, strict=True)]
        arrays[name] = np.concatenate(parts)
    return arrays
