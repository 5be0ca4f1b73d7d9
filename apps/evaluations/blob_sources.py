"""Which stored bytes evaluations refer to (asked by `apps.core.blob_references`)."""

from __future__ import annotations

import uuid

from django.urls import NoReverseMatch, reverse

from apps.core.blob_references import BlobSource, blob_source_register


def _url(pk: uuid.UUID) -> str:
    try:
        return reverse("evaluation-detail", args=[pk])
    except NoReverseMatch:
        return ""


def register() -> None:
    """The sufficient statistics, the predictions and the flipped rows of each evaluation, and its exports."""
    blob_source_register(
        BlobSource(
            "evaluations.result",
            "results of evaluations",
            "SELECT e.team_id, f.sha256, e.id AS object_id, 'Evaluation ' || e.number || ' of ' || p.name "
            "AS object_label FROM evaluations_evaluation e JOIN problems_problem p ON p.id = e.problem_id "
            "CROSS JOIN LATERAL (VALUES (e.statistics_sha256), (e.predictions_sha256), "
            "(e.flips_sha256)) AS f(sha256) "
            "WHERE f.sha256 <> ''",
            _url,
        ),
        BlobSource(
            "evaluations.export",
            "exports of evaluations",
            "SELECT x.team_id, x.sha256, x.evaluation_id AS object_id, 'Evaluation ' || e.number || ' as ' || x.format "
            "AS object_label FROM evaluations_export x JOIN evaluations_evaluation e ON e.id = x.evaluation_id "
            "WHERE x.sha256 <> ''",
            _url,
        ),
    )
