"""Metrics of one's own: pure functions that are registered once and then measured like the others.

Two shapes. A function of rows, (truth [n], what the model says [n] or [n, K]) -> a number per row; the metric is its
mean, with Student's interval and the paired difference of means. A function of the counts tn, fp, fn, tp (each float
[G]) -> a number per group, unchanged when all counts are scaled; the interval and the paired difference come from the
delta method with numeric derivatives. nan means undefined.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.compare import Codes, Differences, mean_difference
from analysis.contracts.metrics import BINARY, CUSTOM, TASKS, UNITS, Metric, metric_register
from analysis.inputs import ModelOutput
from analysis.intervals import Counts, Floats, Level, mean_student, normal_z, ratio
from analysis.segment_metrics.estimates import Estimates, Maker, estimates
from analysis.segment_metrics.slopes import numeric_slope, slope_error

RowFunction = Callable[[Any, Any], Floats]
CountFunction = Callable[[Floats, Floats, Floats, Floats], Floats]

UNDEFINED: Final = "its function gives no number for these rows"


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """One metric of one's own, exactly one of `rows` and `counts`; it is reported as "custom:NAME"."""

    name: str
    label: str
    unit: str
    higher_is_better: bool | None
    meaning: str
    tasks: frozenset[str] = frozenset({BINARY})
    rows: RowFunction | None = None
    counts: CountFunction | None = None

    def __post_init__(self) -> None:
        if (self.rows is None) == (self.counts is None):
            raise ValueError("A metric is a function either of rows or of counts")
        if self.counts is not None and self.tasks != {BINARY}:
            raise ValueError("A function of counts is for two classes")
        if self.unit not in UNITS:
            raise ValueError(f"The unit is one of {', '.join(UNITS)}")
        if not self.name.strip() or not self.tasks <= set(TASKS):
            raise ValueError("A metric has a name, and tasks that exist")

    @property
    def key(self) -> str:
        """Its name in a report."""
        return CUSTOM + self.name


_REGISTERED: dict[str, CustomMetric] = {}


def custom_register(metric: CustomMetric) -> None:
    """Make a metric known by its name. Raises ValueError when another one has it."""
    if _REGISTERED.setdefault(metric.name, metric) != metric:
        raise ValueError(f"There is a metric {metric.name} already")
    metric_register(
        Metric(metric.key, metric.label, metric.unit, metric.higher_is_better, metric.tasks, metric.meaning)
    )  # fmt: skip


def customs_of(names: Sequence[str], task: str) -> tuple[CustomMetric, ...]:
    """The registered metrics of those names. Raises ValueError for an unknown one, or one of another task."""
    for name in names:
        if name not in _REGISTERED:
            raise ValueError(f"No metric {name} is registered")
        if task not in _REGISTERED[name].tasks:
            raise ValueError(f"The metric {name} is not one of this task")
    return tuple(_REGISTERED[name] for name in names)


@dataclass(frozen=True, slots=True)
class CustomValues:
    """What the functions of rows give, per model: float64 [n] by metric; and the weights of the rows."""

    metrics: tuple[CustomMetric, ...]
    models: tuple[tuple[Floats, ...], ...]
    weights: Floats | None

    @classmethod
    def of(
        cls, metrics: Sequence[CustomMetric], truth: Any, outputs: Sequence[ModelOutput], weights: Floats | None
    ) -> "CustomValues":
        """Call every function of rows for every model. Raises ValueError for one that gives no number per row."""
        of_rows = tuple(one for one in metrics if one.rows is not None)
        models = []
        for output in outputs:
            said = output.scores if output.scores is not None else output.predicted
            values = []
            for one in of_rows:
                found = np.asarray(one.rows(truth, said) if one.rows is not None else (), np.float64)
                if found.shape != np.shape(truth):
                    raise ValueError(f"The metric {one.name} gives {found.shape}, not one number per row")
                values.append(found)
            models.append(tuple(values))
        return cls(of_rows, tuple(models), weights)

    def makers(self, codes: Codes, size: int, model: int, level: Level) -> dict[str, Maker]:
        """How to make the estimates of one model in every group."""
        return {
            metric.key: lambda values=values: self._mean(codes, size, values, level)  # type: ignore[misc]
            for metric, values in zip(self.metrics, self.models[model], strict=True)
        }

    def _mean(self, codes: Codes, size: int, values: Floats, level: Level) -> Estimates:
        known = np.isfinite(values)
        weight = np.ones(values.size) if self.weights is None else self.weights
        inside, plain, of = codes[known], values[known], weight[known]
        n, n_squares, total, squares = (
            np.bincount(inside, weights=one, minlength=size) for one in (of, of**2, of * plain, of * plain**2)
        )
        scale = np.nan_to_num(ratio(n, n_squares))
        ends = mean_student(total * scale, squares * scale, n * scale, level)
        return estimates(ratio(total, n), ends, n * scale, "t", UNDEFINED)

    def differences(self, codes: Codes, size: int, level: float) -> dict[str, Differences]:
        """Candidate minus baseline, over the rows for which both have a number."""
        out = {}
        for index, metric in enumerate(self.metrics):
            apart = self.models[0][index] - self.models[1][index]
            known = np.isfinite(apart)
            weights = None if self.weights is None else self.weights[known]
            out[metric.key] = mean_difference(codes[known], size, apart[known], level, weights)
        return out


def count_custom(metric: CustomMetric, counts: Counts, squares: Floats | None, level: Level) -> Estimates:
    """A function of counts [G, 4] = tn, fp, fn, tp in every group; `squares` are the sums of squared weights."""
    if metric.counts is None:
        raise ValueError(f"The metric {metric.name} is no function of counts")
    table = np.asarray(counts, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(metric.counts(*table.T), np.float64)
        error = slope_error(
            table.reshape(-1, 2, 2),
            (table if squares is None else squares).reshape(-1, 2, 2),
            numeric_slope(metric.counts),
        )
    value = np.where(np.isfinite(value), value, np.nan)
    half = normal_z(level) * error
    return estimates(value, (value - half, value + half), table.sum(axis=1), "delta method", UNDEFINED)
