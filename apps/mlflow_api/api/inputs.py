"""Data that runs read: which of it is a version that Fairway holds, and what an experiment's runs read."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.datasets import selectors as datasets
from apps.experiments import selectors
from apps.mlflow_api.api.paging import experiment_numbers_of
from apps.mlflow_api.door import answer, body_of
from apps.mlflow_api.shapes import without_empty

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion

EXPERIMENTS_PER_CALL = 20
SUMMARIES = 1_000
_FILE = re.compile(r"/api/v1/dataset-versions/([0-9a-f-]{36})(?:/file)?/?")
# As long as a digest of MLflow may be: that many digits of a SHA-256 belong to one content.
_DIGEST = re.compile(r"[0-9a-f]{36,64}")


def versions_meant(
    actor: Actor, described: Sequence[Mapping[str, Any]], *, team_id: uuid.UUID | None = None
) -> dict[int, DatasetVersion]:
    """{place: version} of the descriptions that surely mean a version, of a team or of all, which the actor sees and
    which can be used."""
    found = {index: _version_meant(actor, description, team_id) for index, description in enumerate(described)}
    return {
        index: version
        for index, version in found.items()
        if version is not None
        and version.state == version.State.SEALED
        and version.purged_at is None
        and team_id in (None, version.team_id)
    }


def _version_meant(actor: Actor, description: Mapping[str, Any], team_id: uuid.UUID | None) -> DatasetVersion | None:
    """By the address it was read from or the id that Fairway itself says, else by the digest of its content."""
    pk, digest = _version_id(description), str(description.get("digest", ""))
    if pk is not None:
        try:
            return datasets.dataset_version_get(actor, pk)
        except NotFound:
            return None
    return datasets.dataset_version_by_digest(actor, digest, team_id=team_id) if _DIGEST.fullmatch(digest) else None


def _version_id(description: Mapping[str, Any]) -> uuid.UUID | None:
    try:
        source = json.loads(description.get("source") or "{}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(source, dict):
        return None
    text = source.get("dataset_version") if description.get("source_type") == "fairway" else None
    if isinstance(source.get("url"), str) and source["url"].startswith(settings.PUBLIC_URL):
        match = _FILE.fullmatch(source["url"].removeprefix(settings.PUBLIC_URL))
        text = match[1] if match else text
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """experiments/search-datasets: what data the runs of experiments read, each once."""
    body = body_of(request)
    named = body.get("experiment_ids")
    if not named:
        raise Invalid.field("experiment_ids", "SearchDatasets request must specify at least one experiment_id.")
    if isinstance(named, list) and len(named) > EXPERIMENTS_PER_CALL:
        raise Invalid.field(
            "experiment_ids",
            f"SearchDatasets request cannot specify more than {EXPERIMENTS_PER_CALL} experiment_ids. "
            f"Received {len(named)} experiment_ids.",
        )
    rows = selectors.run_input_summaries(actor, experiment_numbers_of(actor, request, body), limit=SUMMARIES)
    shapes = [
        {
            "experiment_id": str(row["number"]),
            "name": row["name"] or "",
            "digest": row["digest"] or "",
            **({"context": row["role"]} if row["role"] else {}),
        }
        for row in rows
    ]
    return answer(without_empty({"dataset_summaries": shapes}))
