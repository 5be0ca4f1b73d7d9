"""Exports of evaluations for scripts: ask for one, list them, download the file."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.core.files import file_response
from apps.evaluations import selectors, services
from apps.evaluations.models import Export
from workers.contracts.exports import FORMATS


class ExportInput(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=list(FORMATS))


class ExportRow(ModelSerializer[Export]):
    class Meta:
        model = Export
        fields = [
            "id",
            "evaluation_id",
            "format",
            "report_digest",
            "findings_digest",
            "renderer",
            "state",
            "sha256",
            "size",
            "cause",
            "job_id",
            "created_by_label",
            "created_at",
            "completed_at",
        ]
        read_only_fields = fields


class ExportListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="evaluation_export_list", responses={200: ExportRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The exports of an evaluation, newest first."""
        evaluation = selectors.evaluation_get(self.actor, pk)
        return self.page(selectors.export_list(self.actor, evaluation.pk), ExportRow)

    @extend_schema(
        operation_id="evaluation_export_make",
        request=ExportInput,
        responses={
            200: OpenApiResponse(ExportRow, description="It was made of this evidence before, or is being made."),
            201: ExportRow,
        },
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Make a file of the evaluation: Parquet, an HTML report, a PDF or the metrics part of a model card.

        A job makes it; the file can be fetched once `state` is READY.
        """
        export, new = services.export_make(actor=self.actor, evaluation_id=pk, **self.input(ExportInput))
        return Response(ExportRow(export).data, status=201 if new else 200)


class ExportFileView(ApiView):
    @extend_schema(
        operation_id="evaluation_export_file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: uuid.UUID, export: uuid.UUID) -> FileResponse:
        """The file, as an attachment."""
        found = selectors.export_file(self.actor, pk, export)
        return file_response(sha256=found.sha256, size=found.size or 0, name=found.filename)
