"""Judging predictions made elsewhere, in any language: the table is a dataset version, the call names its columns."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.evaluations import services
from apps.evaluations.api.views import EvaluationRow
from apps.registry import services as registry


class BroughtInput(serializers.Serializer[Any]):
    """The outside model and where its answers are: the score of the positive label or the number in `column`; of many
    classes the label in `column`, or the score of each label in the columns named `score_prefix` + label, or both.
    """

    name = serializers.CharField(max_length=256)
    column = serializers.CharField(max_length=500, required=False, allow_blank=True, trim_whitespace=False, default="")
    score_prefix = serializers.CharField(
        max_length=200, required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    threshold = serializers.FloatField(required=False, allow_null=True, default=None, min_value=0, max_value=1)


class PredictionsInput(BroughtInput):
    """A table with the truth and the answers; compared with `baseline` in the same table, or with a version.

    Rows count by `weight_column`, and those of a ranking belong together by `query_column`; null takes the column that
    the data say is for it.
    """

    dataset_version_id = serializers.UUIDField()
    weight_column = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, trim_whitespace=False, default=None
    )
    query_column = serializers.CharField(
        max_length=500, required=False, allow_blank=True, allow_null=True, trim_whitespace=False, default=None
    )
    part = serializers.ChoiceField(choices=["all", "test"], required=False, default="all")
    baseline = BroughtInput(required=False, allow_null=True, default=None)
    baseline_version_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    target_id = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="A compute target; left out: this machine."
    )


class PredictionsView(ApiView):
    @extend_schema(operation_id="predictions_judge", request=PredictionsInput, responses={201: EvaluationRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Judge predictions made elsewhere: they become a version without files, evaluated on the rows of the table."""
        given = self.input(PredictionsInput)
        beside = given.pop("baseline")
        evaluation = services.predictions_judge(
            actor=self.actor,
            dataset_version_id=given.pop("dataset_version_id"),
            part=given.pop("part"),
            target_id=given.pop("target_id"),
            row_columns=services.RowColumns(given.pop("weight_column"), given.pop("query_column")),
            against=services.Against(
                brought=registry.Brought(**beside) if beside else None, version_id=given.pop("baseline_version_id")
            ),
            brought=registry.Brought(**given),
        )
        return Response(EvaluationRow(evaluation).data, status=201)
