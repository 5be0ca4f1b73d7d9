"""Fairway's own linear pipelines as plain arithmetic, for serving: the same numbers without a data frame's overhead.

Read from the fitted parts, then proved against the pipeline itself on made-up rows when it is loaded; a pipeline of
another shape, or one whose numbers differ, simply has no quick way.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
_PROBES = 64
_UNKNOWN = "\u0001 no such level \u0001"


class LinearQuick:
    """Predicts from columns: numbers as float arrays (NaN for missing), text as sequences (None for missing)."""

    def __init__(self, pipeline: Any) -> None:
        prepare, model = pipeline.steps[0][1], pipeline.steps[1][1]
        self._coefficients = np.atleast_2d(np.asarray(model.coef_, np.float64)).T
        self._intercept = np.atleast_1d(np.asarray(model.intercept_, np.float64))
        self._classes = len(model.classes_) if hasattr(model, "classes_") else 0
        self._numbers: list[str] = []
        self._texts: list[tuple[str, dict[str, Array], Array, Array]] = []
        for name, part, columns in prepare.transformers_:
            where = prepare.output_indices_[name]
            if name == "number":
                self._numbers = list(columns)
                self._number_part(part, self._coefficients[where])
            elif name == "text":
                self._text_part(part, list(columns), self._coefficients[where])

    def _number_part(self, part: Any, coefficients: Array) -> None:
        impute, scale = part.steps[0][1], part.steps[1][1]
        self._fill = np.asarray(impute.statistics_, np.float64)
        indicator = impute.indicator_
        self._flags = np.asarray(indicator.features_) if indicator is not None else np.zeros(0, np.int64)
        self._mean, self._scale = np.asarray(scale.mean_), np.asarray(scale.scale_)
        self._number_coefficients = coefficients

    def _text_part(self, encoder: Any, columns: list[str], coefficients: Array) -> None:
        plain = {name: levels[0] for name, levels in zip(columns, encoder.categories_, strict=True)}
        start = 0
        for name, levels in zip(columns, encoder.categories_, strict=True):
            values = [*levels, _UNKNOWN, np.nan]
            frame = pd.DataFrame(
                {one: np.array(values if one == name else [plain[one]] * len(values), object) for one in columns}
            )
            rows = np.asarray(encoder.transform(frame), np.float64)
            width = _width(encoder, columns.index(name))
            shares = rows[:, start : start + width] @ coefficients[start : start + width]
            start += width
            table = {value: shares[index] for index, value in enumerate(levels) if isinstance(value, str)}
            self._texts.append((name, table, shares[-2], shares[-1]))

    def __call__(self, columns: Mapping[str, Sequence[Any]]) -> Array:
        """Probabilities (rows, classes), or values (rows,)."""
        rows = len(next(iter(columns.values())))
        total = np.tile(self._intercept, (rows, 1))
        if self._numbers:
            given = np.empty((rows, len(self._numbers)))
            for index, name in enumerate(self._numbers):
                given[:, index] = columns[name]
            missing = np.isnan(given)
            filled = np.where(missing, self._fill, given)
            if len(self._flags):
                filled = np.hstack([filled, missing[:, self._flags]])
            total += ((filled - self._mean) / self._scale) @ self._number_coefficients
        for name, table, unknown, missing_share in self._texts:
            found = table.get
            total += np.array(
                [found(value, unknown) if value.__class__ is str else missing_share for value in columns[name]]
            )
        if not self._classes:
            return total[:, 0]
        if total.shape[1] == 1:
            positive = _sigmoid(total[:, 0])
            return np.column_stack([1.0 - positive, positive])
        total -= total.max(axis=1, keepdims=True)
        weights = np.exp(total)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def _width(encoder: Any, index: int) -> int:
    """How many output columns one text column has; rare levels share one."""
    levels = len(encoder.categories_[index])
    rare = encoder.infrequent_categories_[index] if hasattr(encoder, "infrequent_categories_") else None
    return levels if rare is None else levels - len(rare) + 1


def _sigmoid(values: Array) -> Array:
    small = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1.0 / (1.0 + small), small / (1.0 + small)), np.float64)


def linear_quick(pipeline: Any) -> LinearQuick | None:
    """The quick way of a loaded pipeline, proved to give its numbers; None where there is none."""
    try:
        if type(pipeline).__name__ != "Pipeline" or [name for name, _ in pipeline.steps] != ["prepare", "model"]:
            return None
        if type(pipeline.steps[1][1]).__name__ not in ("LogisticRegression", "Ridge"):
            return None
        quick = LinearQuick(pipeline)
        return quick if _proved(quick, pipeline) else None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _proved(quick: LinearQuick, pipeline: Any) -> bool:
    """Made-up rows with missing numbers, missing, unknown and rare levels."""
    generator = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for index, name in enumerate(quick._numbers):
        spread = quick._scale[index] * generator.normal(size=_PROBES) * 3
        columns[name] = np.where(generator.random(_PROBES) < 0.2, np.nan, quick._mean[index] + spread)
    for name, table, _, _ in quick._texts:
        levels = [*table, _UNKNOWN, None]
        columns[name] = [levels[index] for index in generator.integers(0, len(levels), _PROBES)]
    frame = pd.DataFrame({name: columns[name] for name in pipeline.feature_names_in_})
    for name, _, _, _ in quick._texts:
        held = np.empty(_PROBES, object)
        held[:] = [np.nan if value is None else value for value in columns[name]]
        frame[name] = pd.Series(held, dtype=object)
    want = pipeline.predict_proba(frame) if quick._classes else pipeline.predict(frame)
    return bool(np.allclose(quick(columns), want, rtol=1e-9, atol=1e-12))
