"""Which data of an imported run is a version that the team holds: only where the bytes are proven to be the same.

A file that lies where the run once read it proves nothing, for it may have changed since. What does: the version's own
address, the digits of its SHA-256, and a copy of the data among the run's files, which MLflow never changes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apps.core.actors import Actor
from apps.datasets import selectors as datasets
from apps.mlflow_api.api.inputs import versions_meant
from apps.mlflow_api.importing.addresses import path_of
from apps.mlflow_api.importing.records import Source, SourceRun

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion


def versions_proven(
    actor: Actor, team_id: uuid.UUID, source: Source, run: SourceRun, described: Sequence[Mapping[str, Any]]
) -> dict[int, DatasetVersion]:
    """{place: version of the team} of the descriptions whose bytes are surely those of a version.

    Raises SourceFailed when a file cannot be read.
    """
    found = versions_meant(actor, described, team_id=team_id)
    copied = {index: path for index, row in enumerate(described) if index not in found and (path := _path(row, run))}
    if copied:
        files = {file.path: file for file in source.files(run)}
        for index, path in copied.items():
            file = files.get(path)
            if file is None or not datasets.dataset_version_of_size(actor, team_id, file.size):
                continue
            digest = hashlib.sha256()
            for chunk in file.chunks():
                digest.update(chunk)
            same = versions_meant(actor, [{"digest": digest.hexdigest()}], team_id=team_id)
            if same:
                found[index] = same[0]
    return found


def _path(row: Mapping[str, Any], run: SourceRun) -> str:
    """Where among the run's own files the data lies; "" when it lies elsewhere."""
    try:
        said = json.loads(row.get("source") or "{}")
    except (ValueError, RecursionError):
        return ""
    address = said.get("uri") if isinstance(said, dict) else None
    return path_of(address, run.id) if isinstance(address, str) else ""
