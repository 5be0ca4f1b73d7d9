"""Evaluation tables that MLflow's client logged with runs, judged by segment."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.evaluations import selectors, services
from apps.evaluations.api.predictions import BroughtInput
from apps.evaluations.models import TableJudgement
from apps.experiments import selectors as experiments
from apps.registry import services as registry


class TableInput(BroughtInput):
    """Where the answers stand in the table; the truth stands under the name of the problem's target."""

    path = serializers.CharField(max_length=1000, required=False, default=services.TABLE_FILE)
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    weight_column = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, trim_whitespace=False, default=None
    )
    query_column = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, trim_whitespace=False, default=None
    )


class TableRow(ModelSerializer[TableJudgement]):
    """`state` is WAITING until the table has been read, then JUDGED with its evaluation, or REFUSED with the cause."""

    class Meta:
        model = TableJudgement
        fields = [
            "id",
            "run_id",
            "path",
            "problem_id",
            "dataset_version_id",
            "state",
            "evaluation_id",
            "cause",
            "created_by_label",
            "created_at",
        ]
        read_only_fields = fields


class TableListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="evaluation_table_list", responses={200: TableRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The evaluation tables of a run that were asked to be judged, newest first."""
        run = experiments.run_get(self.actor, pk)
        return self.page(selectors.judgement_list(self.actor, run.pk).defer(None), TableRow)

    @extend_schema(operation_id="evaluation_table_judge", request=TableInput, responses={201: TableRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Have a run's `eval_results_table.json` read by a job and judged by segment, as predictions made elsewhere."""
        given = self.input(TableInput)
        judgement = services.table_judge(
            actor=self.actor,
            run_id=pk,
            path=given.pop("path"),
            problem_id=given.pop("problem_id"),
            row_columns=services.RowColumns(given.pop("weight_column"), given.pop("query_column")),
            brought=registry.Brought(**given),
        )
        return Response(TableRow(judgement).data, status=201)


class TableView(ApiView):
    @extend_schema(operation_id="evaluation_table_get", responses={200: TableRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What became of one."""
        return Response(TableRow(selectors.judgement_get(self.actor, pk)).data)
