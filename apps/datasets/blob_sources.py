"""Which stored bytes datasets refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, LooseSource, blob_source_register, loose_source_register

_VERSIONS = """
  FROM datasets_datasetversion v JOIN datasets_dataset d ON d.id = v.dataset_id
 WHERE v.purged_at IS NULL AND NOT (v.state = 'FAILED' AND coalesce(v.error ->> 'bytes_kept', 'true') = 'false')
"""


def _url(pk: uuid.UUID) -> str:
    return reverse("dataset-version-detail", args=[pk])


def register() -> None:
    """Uploaded files, the tables made of them, and uploads on their way."""
    columns = "v.team_id, v.{} AS sha256, v.id AS object_id, d.name || ' ' || v.number AS object_label"
    blob_source_register(
        BlobSource("datasets.file", "uploaded data", f"SELECT {columns.format('content_digest')} {_VERSIONS}", _url),
        BlobSource(
            "datasets.table",
            "tables of data",
            f"SELECT {columns.format('table_sha256')} {_VERSIONS} AND v.table_sha256 <> ''",
            _url,
        ),
    )
    loose_source_register(
        LooseSource(
            "datasets.upload",
            "uploads under way",
            "SELECT team_id, count(*), coalesce(sum(received), 0)::bigint FROM datasets_upload "
            "WHERE state = 'OPEN' GROUP BY team_id",
        )
    )
