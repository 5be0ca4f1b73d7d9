"""The judgement of a model's files: which format they really are, or why the model is quarantined.

Names come first, then contents: no file may be a pickle, the model file must be what its ending says and hold
only what is on the lists, MLmodel may name only loaders that are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from workers.contracts.model_files import (
    MAX_MODEL_BYTES,
    MAX_MODEL_FILES,
    ModelFormat,
    format_by_extension,
    format_of_files,
)
from workers.contracts.signature import Signature, Tensor
from workers.inspection.files import ModelFile, Refused
from workers.inspection.lightgbm import lightgbm_read
from workers.inspection.mlmodel import MAX_BYTES, mlmodel_read
from workers.inspection.onnx import onnx_read
from workers.inspection.pickles import HEAD_BYTES, is_pickle
from workers.inspection.skops import skops_check

MLMODEL = "MLmodel"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`format` and `path` of the one model file when it may be loaded, else `quarantine`: one sentence why not.

    What the files say of themselves, to be checked before it is used: `task` (empty: unknown), `names` (the columns
    that the model reads, None when they have no names) and `signature` (None: not stated).
    """

    format: ModelFormat | None
    path: str | None
    quarantine: str | None
    task: str = ""
    names: tuple[str, ...] | None = None
    signature: Signature | None = None


def model_judge(files: Sequence[ModelFile]) -> Verdict:
    """The judgement of files. Runs nothing of them; broken and hostile ones get a reason. Raises what `open` does."""
    try:
        return _judge(files)
    except Refused as refused:
        return Verdict(None, None, str(refused))


def inspect_model(directory: Path) -> Verdict:
    """The judgement of a model directory, which must hold plain files alone."""
    files = []
    for root, folders, names in os.walk(directory, followlinks=False):
        for name in (*folders, *names):
            entry = Path(root) / name
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                return Verdict(None, None, f"{entry.relative_to(directory)} is not a plain file.")
        for name in names:
            path = Path(root) / name
            shown = path.relative_to(directory).as_posix()
            files.append(ModelFile(shown, path.stat().st_size, partial(_open, path)))
    return model_judge(sorted(files, key=lambda file: file.path))


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _judge(files: Sequence[ModelFile]) -> Verdict:
    if len(files) > MAX_MODEL_FILES:
        raise Refused(f"The model has more than {MAX_MODEL_FILES} files.")
    if sum(file.size for file in files) > MAX_MODEL_BYTES:
        raise Refused("The model is larger than 2 GiB.")
    found, why = format_of_files([file.path for file in files])
    if found is None or why is not None:
        raise Refused(why or "No format.")
    model = next(file for file in files if format_by_extension(file.path) is not None)
    for file in files:
        if is_pickle(file.head(HEAD_BYTES)):
            raise Refused(f"{file.path} begins like a pickle, which can run code when it is loaded.")
    task, own = "", None
    with model.open() as opened:
        if found is ModelFormat.SKOPS:
            skops_check(opened, model.size)
        elif found is ModelFormat.LIGHTGBM:
            booster = lightgbm_read(opened)
            task = booster.task
            if booster.named:
                own = Signature(tuple(Tensor(name, "FP64", required=False) for name in booster.names), ())
        else:
            inputs = onnx_read(opened, model.size)
            if inputs and all(one.columns == 1 for one in inputs):
                own = Signature(tuple(Tensor(one.name, one.datatype) for one in inputs), ())
    described = next((file for file in files if file.path == MLMODEL), None)
    stated = mlmodel_read(described.head(MAX_BYTES + 1), model.path) if described is not None else None
    names = tuple(tensor.name for tensor in own.inputs) if own is not None else None
    if stated is not None and names is not None and not set(names) <= {tensor.name for tensor in stated.inputs}:
        stated = None  # it does not name what the model reads
    return Verdict(found, model.path, None, task, names, stated or own)
