"""Which stored bytes model versions refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _url(pk: uuid.UUID) -> str:
    return reverse("version-detail", args=[pk])


def register() -> None:
    """Every file of every version's manifest, archived and quarantined ones too."""
    blob_source_register(
        BlobSource(
            "registry.version",
            "model versions",
            "SELECT v.team_id, f.file ->> 'sha256' AS sha256, v.id AS object_id, "
            "m.name || ' ' || v.number AS object_label "
            "FROM registry_modelversion v JOIN registry_model m ON m.id = v.model_id "
            "CROSS JOIN LATERAL jsonb_array_elements(v.manifest) AS f(file)",
            _url,
        )
    )
