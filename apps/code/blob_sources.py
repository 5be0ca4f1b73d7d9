"""Which stored bytes code and environments refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _bundle_url(pk: uuid.UUID) -> str:
    return reverse("code-detail", args=[pk])


def _environment_url(pk: uuid.UUID) -> str:
    return reverse("environment-detail", args=[pk])


def register() -> None:
    """Bundles, and the archives of environments that are ready."""
    blob_source_register(
        BlobSource(
            "code.bundle",
            "code",
            "SELECT team_id, sha256, id AS object_id, name || ' ' || left(sha256, 12) AS object_label "
            "FROM code_bundle WHERE sha256 <> ''",
            _bundle_url,
        ),
        BlobSource(
            "code.environment",
            "environments",
            "SELECT team_id, archive_sha256 AS sha256, id AS object_id, "
            "'Environment ' || left(digest, 12) AS object_label FROM code_environment WHERE archive_sha256 <> ''",
            _environment_url,
        ),
    )
