"""Judging files that are held in memory."""

from __future__ import annotations

import io
from functools import partial

from workers.inspection.files import ModelFile
from workers.inspection.judge import Verdict, model_judge


def judged(**files: bytes) -> Verdict:
    """The verdict on files; `model_skops` is model.skops."""
    return judged_of({name.replace("_", ".", 1): data for name, data in files.items()})


def judged_of(files: dict[str, bytes]) -> Verdict:
    return model_judge([ModelFile(path, len(data), partial(io.BytesIO, data)) for path, data in files.items()])
