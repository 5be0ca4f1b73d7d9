"""From measured arrays to the groups, paired results and disparities of a report."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.compare import verdict_find
from analysis.contracts.metrics import BINARY, metric_get
from analysis.contracts.report import (
    NOT_ENOUGH_DATA,
    Conditional,
    Difference,
    Disparity,
    Group,
    Paired,
    Place,
    Verdict,
)
from analysis.curves import curves_draw
from analysis.fairness import EstimatesAt, disparities_find
from analysis.inputs import EvaluateSpec
from analysis.intervals import Counts, Floats
from analysis.kernels import Measured
from analysis.segment_metrics.estimates import Estimates, LazyEstimates, group_estimates
from analysis.segment_metrics.groupings import Grouping, place_label
from analysis.segment_metrics.regression import residual_curve
from analysis.statistics import BASELINE, CANDIDATE
from analysis.support import Standing


def groups_assemble(
    grouping: Grouping, found: Measured, state: Standing, corrected: Mapping[str, Floats], spec: EvaluateSpec
) -> list[Group]:
    """The groups of one grouping as the report holds them; suppressed ones carry no number.

    `corrected` maps a metric to the corrected p value of each group.
    """
    estimates = group_estimates(found.at(spec.level), found.sizes.rows)
    baseline = None
    if found.baseline_at is not None:
        baseline = group_estimates(found.baseline_at(spec.level), found.sizes.rows)
    groups = []
    for index in range(grouping.size):
        places = grouping.places(index)
        bare = Group(
            key=grouping.key(index),
            label=grouping.label(index),
            level=len(grouping.parts),
            dimensions=places,
            protected=grouping.protected,
            n=None,
            suppressed=state.suppressed[index],
            baseline=None if baseline is None else {},
        )
        if bare.suppressed is not None:
            groups.append(bare)
            continue
        rows = int(found.sizes.rows[index])
        groups.append(
            replace(
                bare,
                n=rows,
                positives=_count(found.sizes.positives, index),
                negatives=_count(found.sizes.negatives, index),
                thin=state.thin[index],
                metrics=estimates[index],
                baseline=None if baseline is None else baseline[index],
                paired=_paired(found, index, corrected, spec, thin=state.thin[index]),
                curves=_curves(grouping, found, CANDIDATE, index, spec),
                baseline_curves=_curves(grouping, found, BASELINE, index, spec),
                confusion=None if found.confusion is None else found.confusion[index].tolist(),
            )
        )
    return groups


def _count(counts: npt.NDArray[np.int64] | None, index: int) -> int | None:
    return None if counts is None else int(counts[index])


def _curves(grouping: Grouping, found: Measured, side: str, index: int, spec: EvaluateSpec) -> dict[str, Any] | None:
    if len(grouping.parts) > 1 or not found.sizes.rows[index]:
        return None
    residuals = found.arrays.get(f"{side}residuals")
    if residuals is not None:
        return {"residuals": residual_curve(residuals[index].astype(np.float64), spec.level)}
    histogram = found.arrays.get(f"{side}histogram")
    if histogram is None:
        return None
    return curves_draw(
        histogram[index].astype(np.int64),
        found.arrays[f"{side}ece"][index].astype(np.float64),
        level=spec.level,
    )


def _paired(
    found: Measured, index: int, corrected: Mapping[str, Floats], spec: EvaluateSpec, *, thin: str | None
) -> Paired | None:
    if found.baseline_at is None:
        return None
    differences = {name: _difference(found, name, index, corrected, spec, thin=thin) for name in found.differences}
    table = found.table
    if table is None:
        return Paired(None, None, None, None, None, None, differences)
    return Paired(
        both_right=int(table.both_right[index]),
        only_candidate_right=int(table.only_candidate[index]),
        only_baseline_right=int(table.only_baseline[index]),
        both_wrong=int(table.both_wrong[index]),
        mcnemar_p=_number(table.p[index]),
        p_adjusted=_number(corrected["accuracy"][index]) if "accuracy" in corrected else None,
        differences=differences,
    )


def _difference(
    found: Measured,
    name: str,
    index: int,
    corrected: Mapping[str, Floats],
    spec: EvaluateSpec,
    *,
    thin: str | None,
) -> Difference:
    one = found.differences[name]
    value, low, high = float(one.value[index]), float(one.low[index]), float(one.high[index])
    adjusted = float(corrected[name][index]) if name in corrected else float("nan")
    verdict: Verdict = NOT_ENOUGH_DATA
    reason = thin
    if thin is None:
        verdict, reason = verdict_find(
            value,
            (low, high),
            adjusted,
            higher_is_better=metric_get(name).higher_is_better,
            margin=spec.margins.get(name),
            level=spec.level,
        )
    defined = np.isfinite(value)
    if not defined:
        reason = one.reason
    return Difference(
        value=_number(value),
        low=_number(low) if defined else None,
        high=_number(high) if defined else None,
        method=one.method if defined else None,
        p=_number(one.p[index]),
        p_adjusted=_number(adjusted),
        verdict=verdict,
        reason=reason,
    )


def _number(value: float | np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None


def disparities_assemble(grouping: Grouping, found: Measured, state: Standing, spec: EvaluateSpec) -> list[Disparity]:
    """The disparities of one segment or crossing, with the reason for every group left out."""
    return disparities_find(
        "&".join(part.spec.name for part in grouping.parts),
        [grouping.label(index) for index in range(grouping.size)],
        _barred(state),
        found.at,
        protected=grouping.protected,
        baseline_at=found.baseline_at,
        level=spec.level,
    )


def conditional_assemble(grouping: Grouping, found: Measured, state: Standing, spec: EvaluateSpec) -> list[Conditional]:
    """The disparities of one segment within each level of a control, from the crossing of the two.

    A crossing of two controls gives those of each within the other; one without a control gives none.
    """
    out: list[Conditional] = []
    barred = _barred(state)
    for axis, part in enumerate(grouping.parts if len(grouping.parts) == 2 else ()):
        if part.spec.name not in spec.controls:
            continue
        other = grouping.parts[1 - axis]
        for level, label in enumerate(part.labels):
            inside = np.asarray([index for index, cell in enumerate(grouping.cells) if cell[axis] == level], np.int64)
            if not inside.size:
                continue
            disparities = disparities_find(
                other.spec.name,
                [place_label(grouping.places(index)[1 - axis]) for index in inside.tolist()],
                [barred[index] for index in inside.tolist()],
                _taken(found.at, inside),
                protected=grouping.protected,
                baseline_at=None if found.baseline_at is None else _taken(found.baseline_at, inside),
                level=spec.level,
            )
            place = Place(part.spec.id, part.spec.name, label)
            out.extend(Conditional(place, one) for one in disparities)
    return out


def _taken(at: EstimatesAt, groups: npt.NDArray[np.int64]) -> EstimatesAt:
    """The estimates of some groups."""
    return lambda level: LazyEstimates(
        {name: partial(_take, found, name, groups) for found in (at(level),) for name in found}
    )


def _take(found: Mapping[str, Estimates], name: str, groups: npt.NDArray[np.int64]) -> Estimates:
    one = found[name]
    return replace(one, value=one.value[groups], low=one.low[groups], high=one.high[groups], n=one.n[groups])


def _barred(state: Standing) -> list[str | None]:
    """Why each group is not compared, or None."""
    return [
        f"hidden, {hidden}" if hidden is not None else None if thin is None else f"not enough data, {thin}"
        for hidden, thin in zip(state.suppressed, state.thin, strict=True)
    ]


def confusion_assemble(counts: Counts | None, spec: EvaluateSpec) -> dict[str, Any] | None:
    """The overall confusion counts with their labels; None for numbers and rankings."""
    if counts is None:
        return None
    labels = list(spec.classes or ())
    if spec.task == BINARY:
        positive = spec.positive_label or "positive"
        labels = [f"not {positive}" if spec.positive_label else "negative", positive]
    return {"labels": labels, "counts": counts[0].tolist()}
