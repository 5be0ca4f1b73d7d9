"""THE only file that deserialises models, and only after `workers.inspection` has judged them: skops, LightGBM
text, ONNX.

The loader is chosen by the judged contents and the lists of trusted types are ours; MLmodel is never asked.
Pickle, joblib and cloudpickle have no way in. Run it in a sandboxed process: a list of types is not a proof
of innocence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from workers.contracts.classes import positive_place
from workers.contracts.model_files import ModelFormat
from workers.contracts.signature import Signature
from workers.inspection.allowed import TRUSTED
from workers.inspection.judge import Verdict, inspect_model
from workers.runner.frames import frame_of_columns
from workers.runner.linear import linear_quick
from workers.runner.trees import trees_check

__all__ = ["LoadedModel", "ModelRefused", "Verdict", "inspect_model", "model_load"]

Array = npt.NDArray[np.float64]


class ModelRefused(Exception):
    """The directory may not be loaded, or could not be; the message is one sentence for people."""


class _Predictor(Protocol):
    names: list[str] | None
    classes: list[Any] | None

    def __call__(self, frame: pd.DataFrame) -> Array: ...


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to predict.

    `names`: the input columns it wants, None when it takes any order of what it is given. `classes`: the
    labels of its outputs in their order (places 0 and 1 for Fairway's own two-class models: not positive, positive);
    None: a regression.
    """

    format: ModelFormat
    names: list[str] | None
    classes: list[Any] | None
    predictor: _Predictor

    def predict_frame(self, frame: pd.DataFrame) -> Array:
        """Probabilities of shape (rows, classes), or values of shape (rows,). Raises ModelRefused."""
        if self.names is not None:
            missing = [name for name in self.names if name not in frame.columns]
            if missing:
                raise ModelRefused(f'The model needs the column "{missing[0]}", which the data does not have.')
            if list(frame.columns) != self.names:
                frame = frame[self.names]
        return np.asarray(self.predictor(frame), dtype=np.float64)

    def predict_columns(self, columns: Mapping[str, Sequence[Any]], signature: Signature) -> Array:
        """The same for the checked columns of a request; linear models take their quick way."""
        quick = getattr(self.predictor, "quick", None)
        if quick is not None:
            return np.asarray(quick(columns), dtype=np.float64)
        return self.predict_frame(frame_of_columns(columns, signature))

    def scores(self, predicted: Array, positive_label: str | None = None) -> Array:
        """The positive class's column of probabilities; values and many-class probabilities as they are."""
        if predicted.ndim == 1 or self.classes is None or len(self.classes) != 2:
            return predicted
        return predicted[:, positive_place([str(label) for label in self.classes], positive_label)]


def model_load(directory: Path) -> LoadedModel:
    """Judges the directory and loads its model. Raises ModelRefused with the reason."""
    verdict = inspect_model(directory)
    if verdict.format is None or verdict.path is None:
        raise ModelRefused(verdict.quarantine or "The model is quarantined.")
    load = {ModelFormat.SKOPS: _skops, ModelFormat.LIGHTGBM: _lightgbm, ModelFormat.ONNX: _onnx}[verdict.format]
    try:
        predictor = load(directory / verdict.path)
    except ModelRefused:
        raise
    except Exception as error:  # libraries raise whatever they like on a made-up file
        raise ModelRefused(f"The model could not be loaded: {type(error).__name__}: {error}"[:500]) from error
    return LoadedModel(verdict.format, predictor.names, predictor.classes, predictor)


class _SkopsPredictor:
    """A scikit-learn estimator."""

    def __init__(self, estimator: Any) -> None:
        self._probabilities = hasattr(estimator, "predict_proba")
        if not self._probabilities and hasattr(estimator, "classes_"):
            raise ModelRefused("The classifier gives no probabilities.")
        self._estimator = estimator
        self.quick = linear_quick(estimator)
        names = getattr(estimator, "feature_names_in_", None)
        self.names = [str(name) for name in names] if names is not None else None
        self.classes = list(np.asarray(estimator.classes_).tolist()) if self._probabilities else None

    def __call__(self, frame: pd.DataFrame) -> Array:
        given: Any = frame if self.names is not None else frame.to_numpy()
        result = self._estimator.predict_proba(given) if self._probabilities else self._estimator.predict(given)
        return np.asarray(result, dtype=np.float64)


def _skops_import() -> Any:
    """skops.io, without its walk through all of scikit-learn for a list of types of its own.

    Ours is the only list that counts, and the walk takes a third of a second and 12 MB in every host process.
    """
    import sklearn.utils

    walk = sklearn.utils.all_estimators
    sklearn.utils.all_estimators = lambda type_filter=None: []
    try:
        import skops.io
    finally:
        sklearn.utils.all_estimators = walk
    return skops.io


def _skops(path: Path) -> _Predictor:
    estimator = _skops_import().load(path, trusted=TRUSTED)
    if not hasattr(estimator, "predict"):
        raise ModelRefused("The skops file holds no model.")
    reason = trees_check(estimator)
    if reason:
        raise ModelRefused(reason)
    return _SkopsPredictor(estimator)


class _LightgbmPredictor:
    """A LightGBM booster on numeric columns."""

    def __init__(self, path: Path) -> None:
        import lightgbm

        self._booster = lightgbm.Booster(model_file=str(path))
        names = self._booster.feature_name()
        self._numbered = names == [f"Column_{index}" for index in range(len(names))]
        self.names = None if self._numbered else list(names)
        objective = str(self._booster.dump_model(num_iteration=1).get("objective", ""))
        many = self._booster.num_model_per_iteration()
        self.classes: list[Any] | None = (
            list(range(many)) if many > 1 else [0, 1] if objective.startswith(("binary", "cross_entropy")) else None
        )

    def __call__(self, frame: pd.DataFrame) -> Array:
        raw = np.asarray(self._booster.predict(frame.to_numpy(dtype=np.float64)), dtype=np.float64)
        if self.classes is not None and raw.ndim == 1:
            return np.column_stack([1.0 - raw, raw])
        return raw


def _lightgbm(path: Path) -> _Predictor:
    return _LightgbmPredictor(path)


class _OnnxPredictor:
    """An ONNX graph: one matrix input, or one input a column; probabilities when an output is called that."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [(one.name, one.type, one.shape) for one in self._session.get_inputs()]
        shape = self._inputs[0][2]
        self._matrix = len(self._inputs) == 1 and len(shape) == 2 and shape[1] != 1
        self.names = None if self._matrix else [name for name, _, _ in self._inputs]
        outputs = self._session.get_outputs()
        wanted = [one for one in outputs if "prob" in one.name.lower() and one.type.startswith("tensor(")]
        plain = [one for one in outputs if one.type in ("tensor(float)", "tensor(double)")]
        if not wanted and not plain:
            raise ModelRefused("The ONNX model has no output of numbers.")
        self._output = (wanted or plain)[0].name
        width = (wanted or plain)[0].shape[-1] if len((wanted or plain)[0].shape) == 2 else 1
        self.classes: list[Any] | None = None
        if wanted:
            self.classes = list(range(width)) if isinstance(width, int) and width > 1 else [0, 1]

    def __call__(self, frame: pd.DataFrame) -> Array:
        if self._matrix:
            name, kind, _ = self._inputs[0]
            given = {name: frame.to_numpy(dtype=np.float64 if "double" in kind else np.float32)}
        else:
            given = {name: _onnx_column(frame[name], kind, shape) for name, kind, shape in self._inputs}
        raw = np.asarray(self._session.run([self._output], given)[0], dtype=np.float64)
        if raw.ndim == 2 and raw.shape[1] == 1:
            raw = raw[:, 0]
        if self.classes is not None and raw.ndim == 1:
            return np.column_stack([1.0 - raw, raw])
        return raw


_ONNX_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


def _onnx_column(column: "pd.Series[Any]", kind: str, shape: Sequence[Any]) -> npt.NDArray[Any]:
    values: npt.NDArray[Any]
    if kind == "tensor(string)":
        values = column.astype(object).where(column.notna(), "").to_numpy(dtype=object)
    else:
        values = column.to_numpy(dtype=_ONNX_TYPES[kind])
    return values.reshape(-1, 1) if len(shape) == 2 else values


def _onnx(path: Path) -> _Predictor:
    return _OnnxPredictor(path)
