"""Which stored bytes runs refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _url(pk: uuid.UUID) -> str:
    return reverse("run-detail", args=[pk])


def register() -> None:
    """Files of runs and of the models that they logged; those of a purged run are a record only."""
    blob_source_register(
        BlobSource(
            "experiments.file",
            "files of runs",
            "SELECT r.team_id, a.sha256, r.id AS object_id, r.name AS object_label FROM experiments_artifact a "
            "JOIN experiments_run r ON r.id = a.run_id WHERE r.purged_at IS NULL",
            _url,
        ),
        BlobSource(
            "experiments.model",
            "models that runs logged",
            "SELECT l.team_id, a.sha256, coalesce(r.id, l.id) AS object_id, coalesce(r.name, l.name) AS object_label "
            "FROM experiments_artifact a JOIN experiments_loggedmodel l ON l.id = a.logged_model_id "
            "LEFT JOIN experiments_run r ON r.id = l.source_run_id WHERE r.purged_at IS NULL",
            _url,
        ),
    )
