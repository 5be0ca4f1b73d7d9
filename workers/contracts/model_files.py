"""The fixed list of model formats that Fairway loads. What a model directory claims never extends it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


class ModelFormat(StrEnum):
    """Formats that run no code when they are loaded."""

    SKOPS = "SKOPS"
    LIGHTGBM = "LIGHTGBM"
    ONNX = "ONNX"


@dataclass(frozen=True, slots=True)
class FormatFacts:
    """How one format is recognised and what loads it (for people: only `runner.model_io` loads)."""

    format: ModelFormat
    title: str
    extensions: tuple[str, ...]
    loader: str
    flavor: str


FORMATS: dict[ModelFormat, FormatFacts] = {
    ModelFormat.SKOPS: FormatFacts(ModelFormat.SKOPS, "scikit-learn (skops)", (".skops",), "skops.io.load", "sklearn"),
    ModelFormat.LIGHTGBM: FormatFacts(
        ModelFormat.LIGHTGBM, "LightGBM text", (".lgb", ".lgbm", ".txt"), "lightgbm.Booster", "lightgbm"
    ),
    ModelFormat.ONNX: FormatFacts(ModelFormat.ONNX, "ONNX", (".onnx",), "onnxruntime.InferenceSession", "onnx"),
}

SIDE_FILES = frozenset(
    {
        "MLmodel",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "fairway.json",
        "input_example.json",
        "serving_input_example.json",
        "registered_model_meta",
    }
)
"""Files that stand beside a model and are never executed or loaded by Fairway."""

PICKLE_EXTENSIONS = frozenset(
    {".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill", ".pt", ".pth", ".bin", ".npy", ".npz"}
)
"""Endings of files that can hold a pickle; a version with one of them is quarantined."""

CODE_EXTENSIONS = frozenset(
    {".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh", ".ipynb", ".whl", ".egg", ".exe", ".jar"}
)
"""Endings of files that are programs; a version with one of them is quarantined."""

MAX_MODEL_BYTES = 2 * 1024**3
MAX_MODEL_FILES = 200


class UnsafePath(ValueError):
    """A path inside a model directory that is absolute, climbs up, or holds a control character."""


def safe_path(path: str) -> PurePosixPath:
    """The relative path inside a model directory; raises UnsafePath for everything that could leave it."""
    if not path or "\\" in path or any(ord(sign) < 32 for sign in path):
        raise UnsafePath(f"{path!r} is not a path inside a model directory.")
    pure = PurePosixPath(path)
    if pure.is_absolute() or any(part in ("..", ".") for part in path.split("/")) or "" in path.split("/"):
        raise UnsafePath(f"{path!r} is not a path inside a model directory.")
    return pure


def format_by_extension(path: str) -> ModelFormat | None:
    """The format that a file's ending names, or None; the contents are judged by `workers.inspection`."""
    name = PurePosixPath(path).name
    if name in SIDE_FILES:
        return None
    suffix = PurePosixPath(name).suffix.lower()
    for facts in FORMATS.values():
        if suffix in facts.extensions:
            return facts.format
    return None


def format_of_files(paths: list[str]) -> tuple[ModelFormat | None, str | None]:
    """(format, None) when exactly one model file is among the paths, else (None, the reason for quarantine).

    Judged by names alone; `workers.inspection` looks into the files.
    """
    found: list[tuple[str, ModelFormat]] = []
    for path in paths:
        try:
            pure = safe_path(path)
        except UnsafePath as error:
            return None, str(error)
        if pure.suffix.lower() in PICKLE_EXTENSIONS:
            return None, f"{path} can run code when it is loaded, so it is kept but never loaded."
        if pure.suffix.lower() in CODE_EXTENSIONS:
            return None, f"{path} is a program, so the model is kept but never loaded."
        which = format_by_extension(path)
        if which is not None:
            found.append((path, which))
    if not found:
        return None, "No file in a format that Fairway loads (skops, LightGBM text, ONNX)."
    if len(found) > 1:
        return None, "More than one model file: " + ", ".join(sorted(path for path, _ in found)) + "."
    return found[0][1], None
