"""The files of a version: as the store has them, with one digest over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from apps.core.blobs import blob_open
from apps.core.errors import Invalid
from apps.experiments import selectors as experiments
from workers.inspection.files import ModelFile

if TYPE_CHECKING:
    from apps.experiments.models import LoggedModel, Run


def manifest_digest(manifest: Sequence[dict[str, Any]], stated: Mapping[str, Any] | None = None) -> str:
    """One SHA-256 over the paths, hashes and sizes of a version's files, and over what a person stated beside them."""
    rows: list[Any] = sorted([row["path"], row["sha256"], row["size"]] for row in manifest)
    content = [rows, stated] if stated else rows
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def model_file(row: dict[str, Any]) -> ModelFile:
    """A file of a manifest as the judgement reads it."""
    return ModelFile(row["path"], row["size"], partial(blob_open, row["sha256"]))


def logged_files(logged: LoggedModel) -> list[dict[str, Any]]:
    """Those of a logged model. Raises Invalid when there are none."""
    return _rows((a.path, a.sha256, a.size) for a in experiments.artifact_list(logged_model_id=logged.pk))


def run_files(run: Run, path: str) -> list[dict[str, Any]]:
    """Those below the path among the run's files. Raises Invalid when there are none."""
    prefix = f"{path}/"
    return _rows(
        (a.path.removeprefix(prefix), a.sha256, a.size)
        for a in experiments.artifact_list(run_id=run.pk)
        if a.path.startswith(prefix)
    )


def _rows(files: Iterable[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """Files as the store has them. Raises Invalid when there are none."""
    rows = [{"path": path, "sha256": sha256, "size": size} for path, sha256, size in files]
    if not rows:
        raise Invalid.field("path", "The run has logged no files there.")
    return rows
