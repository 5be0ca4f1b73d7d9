"""Which stored bytes traces refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _url(pk: uuid.UUID) -> str:
    return reverse("trace-detail", args=[pk])


def register() -> None:
    """Files of traces."""
    blob_source_register(
        BlobSource(
            "traces.file",
            "files of traces",
            "SELECT t.team_id, f.sha256, t.id AS object_id, t.key AS object_label FROM traces_tracefile f "
            "JOIN traces_trace t ON t.id = f.trace_id",
            _url,
        )
    )
