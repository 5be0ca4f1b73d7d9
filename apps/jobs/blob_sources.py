"""Which stored bytes jobs refer to (asked by `apps.core.blob_references`).

Only while they are open: what a job reads must stay until it ends, and what it put out belongs from then on to the
object that its kind made of it. Outputs of a job that failed belong to nobody and are collected.
"""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _url(pk: uuid.UUID) -> str:
    return reverse("job-detail", args=[pk])


_OPEN = "j.state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMED_OUT')"
_LABEL = "'Job ' || j.number || ': ' || j.title AS object_label"


def register() -> None:
    """Inputs and outputs of open jobs."""
    blob_source_register(
        BlobSource(
            "jobs.input",
            "inputs of open jobs",
            f"SELECT j.team_id, f.file ->> 'sha256' AS sha256, j.id AS object_id, {_LABEL} FROM jobs_job j "  # noqa: S608
            f"CROSS JOIN LATERAL jsonb_array_elements(j.files) AS f(file) WHERE {_OPEN}",
            _url,
        ),
        BlobSource(
            "jobs.output",
            "outputs of open jobs",
            f"SELECT j.team_id, f.file ->> 'sha256' AS sha256, j.id AS object_id, {_LABEL} FROM jobs_job j "  # noqa: S608
            "JOIN jobs_jobattempt a ON a.job_id = j.id "
            f"CROSS JOIN LATERAL jsonb_each(a.outputs) AS f(name, file) WHERE {_OPEN}",
            _url,
        ),
    )
