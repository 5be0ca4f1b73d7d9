"""Batch scores for scripts: have a table scored, look how far it is, fetch the file."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.core.files import file_response
from apps.deployments import selectors, services
from apps.deployments.models import BatchScore
from apps.jobs.contracts import PRIORITIES


class BatchScoreInput(serializers.Serializer[Any]):
    dataset_version_id = serializers.UUIDField()
    model_version_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The version that is expected to answer; refused when another one does.",
    )
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, default="normal")
    target_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class BatchScoreRow(ModelSerializer[BatchScore]):
    class Meta:
        model = BatchScore
        fields = [
            "id",
            "number",
            "deployment_id",
            "model_version_id",
            "dataset_version_id",
            "job_id",
            "state",
            "threshold",
            "row_count",
            "scored",
            "refused",
            "seconds",
            "sha256",
            "size",
            "csv_sha256",
            "csv_size",
            "cause",
            "created_by_label",
            "created_at",
            "completed_at",
        ]
        read_only_fields = fields


class RefusedRow(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="Its number in the table, from 0.")
    field = serializers.CharField(allow_blank=True, help_text="The column to blame; empty when no single one is.")
    why = serializers.CharField()


class BatchScoreResult(serializers.Serializer[Any]):
    """How the answers are distributed, and the first 100 refused rows."""

    scored = serializers.IntegerField()
    refused = serializers.IntegerField()
    refusals = RefusedRow(many=True)
    seconds = serializers.FloatField()
    labels = serializers.ListField(help_text="[label, rows] of each class, in the model's order.")
    of = serializers.CharField(allow_blank=True, help_text="The column whose histogram is told.")
    edges = serializers.ListField(child=serializers.FloatField())
    counts = serializers.ListField(child=serializers.IntegerField())


class BatchScoreDetail(BatchScoreRow):
    result = BatchScoreResult(read_only=True, allow_null=True)

    class Meta(BatchScoreRow.Meta):
        fields = [*BatchScoreRow.Meta.fields, "result"]
        read_only_fields = fields


class FileQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["parquet", "csv"], required=False, default="parquet")


class BatchScoreListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="batch_score_list", responses={200: BatchScoreRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The batch scores of a deployment, newest first."""
        deployment = selectors.deployment_get(self.actor, pk)
        return self.page(selectors.batch_list(self.actor, deployment.pk), BatchScoreRow)

    @extend_schema(operation_id="batch_score_launch", request=BatchScoreInput, responses={201: BatchScoreRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Have a table scored by the version that answers, as live calls are answered.

        A job does it; the file can be fetched once `state` is COMPLETE.
        """
        selectors.deployment_get(self.actor, pk)
        batch = services.batch_score_launch(actor=self.actor, deployment_id=pk, **self.input(BatchScoreInput))
        return Response(BatchScoreRow(batch).data, status=201)


class BatchScoreView(ApiView):
    @extend_schema(operation_id="batch_score_get", responses={200: BatchScoreDetail})
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> Response:
        """One batch score with the distribution of its answers and its refused rows."""
        return Response(BatchScoreDetail(selectors.batch_get(self.actor, batch, deployment_id=pk)).data)


class BatchScoreFileView(ApiView):
    @extend_schema(
        operation_id="batch_score_file",
        parameters=[FileQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> FileResponse:
        """What each row was answered, as an attachment: Parquet, or CSV."""
        found = selectors.batch_get(self.actor, batch, deployment_id=pk)
        kind = self.query(FileQuery)["kind"]
        sha256, size = selectors.batch_file(self.actor, found, kind)
        return file_response(sha256=sha256, size=size, name=found.filename(kind))
