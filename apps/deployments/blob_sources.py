"""Which stored bytes deployments refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _url(pk: uuid.UUID) -> str:
    return reverse("batch-detail", args=[pk])


def register() -> None:
    """The files of batch scores."""
    blob_source_register(
        BlobSource(
            "deployments.batch",
            "batch scores",
            "SELECT b.team_id, f.sha256, b.id AS object_id, 'Batch score ' || b.number || ' of ' || d.name "
            "AS object_label FROM deployments_batchscore b JOIN deployments_deployment d ON d.id = b.deployment_id "
            "CROSS JOIN LATERAL (VALUES (b.sha256), (b.csv_sha256)) AS f(sha256) WHERE f.sha256 <> ''",
            _url,
        )
    )
