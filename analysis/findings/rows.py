"""The scored rows as the findings need them: who was right, each row's loss, the groups with their standing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.contracts.findings import ABSOLUTE, WRONG
from analysis.contracts.metrics import BINARY, MULTICLASS
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput
from analysis.intervals import Floats, group_sum, ratio, weights_of
from analysis.segment_metrics.groupings import Grouping, groupings_build
from analysis.segments import segments_evaluate
from analysis.support import Sizes, Standing, standings

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grouped:
    """Every grouping of an evaluation with the sizes of its groups and what may be shown of them; everyone first."""

    groupings: tuple[Grouping, ...]
    sizes: tuple[Sizes, ...]
    standing: tuple[Standing, ...]

    @classmethod
    def of(cls, rows: EvaluationRows, spec: EvaluateSpec) -> "Grouped":
        """The same groups, and the same ones hidden, as in the report of these rows."""
        segments = segments_evaluate(spec.segments, rows.columns)
        groupings, _ = groupings_build(segments, len(rows.truth), crossings=spec.crossings)
        sizes = [sizes_of(grouping.codes(), grouping.size, rows, spec) for grouping in groupings]
        return cls(tuple(groupings), tuple(sizes), tuple(standings(groupings, sizes, spec.least_support)))

    def singles(self) -> list[tuple[Grouping, Standing]]:
        """Everyone and the segments, without their crossings."""
        pairs = zip(self.groupings, self.standing, strict=True)
        return [(grouping, standing) for grouping, standing in pairs if len(grouping.parts) < 2]


def sizes_of(codes: npt.NDArray[np.int32], size: int, rows: EvaluationRows, spec: EvaluateSpec) -> Sizes:
    """Rows of each group, of either outcome where there are two, and the effective number where rows have weights."""
    n = np.bincount(codes, minlength=size)
    effective = None
    if rows.weights is not None:
        total, squares = (group_sum(codes, one, size) for one in (rows.weights, rows.weights**2))
        effective = np.nan_to_num(ratio(total**2, squares))
    if spec.task != BINARY:
        return Sizes(n, effective=effective)
    positives = np.bincount(codes[rows.truth.astype(np.bool_)], minlength=size)
    return Sizes(n, positives, n - positives, effective)


def is_weighted(rows: EvaluationRows) -> bool:
    """Do some rows count more than others, or all by another number than 1?"""
    return weights_of(rows.weights, len(rows.truth)) is not None


def right_of(output: ModelOutput, rows: EvaluationRows, spec: EvaluateSpec) -> Bools | None:
    """Which rows a model has right [n]; None for a regression without a tolerance, where nothing is right or wrong."""
    if spec.task == BINARY:
        threshold = 0.5 if output.threshold is None else output.threshold
        found: Bools = (np.asarray(output.scores) >= threshold) == rows.truth.astype(np.bool_)
        return found
    if spec.task == MULTICLASS:
        said = np.asarray(output.scores).argmax(axis=1) if output.predicted is None else np.asarray(output.predicted)
        return np.asarray(said == rows.truth, np.bool_)
    if spec.tolerance is None:
        return None
    return np.asarray(_error(output, rows) <= spec.tolerance, np.bool_)


def right_words(spec: EvaluateSpec) -> str:
    """What counts as right, for people."""
    if spec.task == BINARY:
        return "the answer at the threshold is that of the record"
    if spec.task == MULTICLASS:
        return "the most likely class is that of the record"
    return f"the prediction is within {spec.tolerance:g} of the record"


def loss_of(output: ModelOutput, rows: EvaluationRows, spec: EvaluateSpec) -> tuple[str, Floats]:
    """What weak slices are searched by, and its value for each row [n]: 1 for a wrong answer, or the distance."""
    if spec.task in (BINARY, MULTICLASS):
        right = right_of(output, rows, spec)
        return WRONG, (~np.asarray(right)).astype(np.float64)
    return ABSOLUTE, _error(output, rows)


def gravity_of(rows: EvaluationRows, spec: EvaluateSpec) -> Floats:
    """How far the models lie apart on each row [n]: the gravest flips are listed first."""
    if rows.baseline is None:
        return np.zeros(len(rows.truth))
    own, other = rows.candidate, rows.baseline
    if own.scores is None or other.scores is None:
        return np.abs(np.asarray(own.predicted, np.float64) - np.asarray(other.predicted, np.float64))
    apart = np.abs(np.asarray(own.scores, np.float64) - np.asarray(other.scores, np.float64))
    return apart if apart.ndim == 1 else np.asarray(apart.max(axis=1), np.float64)


def _error(output: ModelOutput, rows: EvaluationRows) -> Floats:
    return np.abs(np.asarray(output.predicted, np.float64) - rows.truth.astype(np.float64))
