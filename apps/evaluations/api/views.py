"""Evaluations for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.evaluations import selectors, services
from apps.evaluations.models import Evaluation
from apps.jobs.contracts import PRIORITIES


class EvaluationQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    version = serializers.UUIDField(required=False, default=None)
    archived = serializers.BooleanField(required=False, default=False)


class EvaluationInput(serializers.Serializer[Any]):
    model_version_id = serializers.UUIDField()
    dataset_version_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    baseline_version_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    part = serializers.ChoiceField(choices=["test", "all"], required=False, allow_null=True, default=None)
    member_version_ids = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=6,
        help_text="Further versions of the same problem that answer the same rows: each alone, all together by mean, "
        "vote and cascade, and what each adds. Their order, behind the evaluated one, is that of the cascade.",
    )
    sure = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0.5,
        max_value=1,
        help_text="From which probability of its likeliest class a member of the cascade answers: 0.9 left out.",
    )
    weight_column = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        default=None,
        help_text="By which column rows count; null for the one in the role WEIGHT, empty for none.",
    )
    query_column = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        default=None,
        help_text="Which rows of a ranking belong together; null for the column in the role QUERY.",
    )
    controls = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        max_length=20,
        help_text="Segments within whose groups the groups of the others are compared, so that like is compared.",
    )
    triples = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(max_length=200), min_length=3, max_length=3),
        required=False,
        max_length=10,
        help_text="Crossings of three segments, by their names.",
    )
    sensitivities = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1),
        required=False,
        max_length=5,
        help_text="Shares of the positives to find: the specificity there is measured. Two classes only.",
    )
    top_k = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=100),
        required=False,
        max_length=5,
        help_text="Is the class among the first so many? Many classes only.",
    )
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, default="normal")
    target_id = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="A compute target; left out: this machine."
    )


class EvaluationChange(serializers.Serializer[Any]):
    archived = serializers.BooleanField()


class EvaluationRow(ModelSerializer[Evaluation]):
    class Meta:
        model = Evaluation
        fields = [
            "id",
            "number",
            "team_id",
            "problem_id",
            "problem_version_id",
            "model_version_id",
            "baseline_version_id",
            "dataset_version_id",
            "job_id",
            "state",
            "threshold",
            "row_count",
            "row_digest",
            "report_digest",
            "findings_digest",
            "headline",
            "cause",
            "created_at",
            "completed_at",
        ]
        read_only_fields = fields


class EvaluationDetail(EvaluationRow):
    """With the report, in the form of `analysis.contracts.report`; null while the job runs."""

    report = serializers.JSONField(read_only=True, allow_null=True)
    preliminary = serializers.SerializerMethodField(
        help_text="While the job runs: {stage, report} of what is known so far, without a verdict; else null."
    )

    class Meta(EvaluationRow.Meta):
        fields = [*EvaluationRow.Meta.fields, "report", "preliminary"]
        read_only_fields = fields

    def get_preliminary(self, evaluation: Evaluation) -> dict[str, Any] | None:
        """No evidence: it is gone when the evaluation ends."""
        found = selectors.preliminary_of(evaluation)
        return None if found is None else found.to_json()


class FindingsDetail(serializers.Serializer[Any]):
    """What was found beyond the report, in the form of `analysis.contracts.findings`."""

    evaluation_id = serializers.UUIDField(read_only=True)
    findings_digest = serializers.CharField(read_only=True)
    findings = serializers.JSONField(read_only=True, allow_null=True)


class EvaluationListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(
        operation_id="evaluation_list", parameters=[EvaluationQuery], responses={200: EvaluationRow(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Evaluations that you may see, newest first."""
        query = self.query(EvaluationQuery)
        rows = selectors.evaluation_list(
            self.actor,
            team_id=query["team"],
            problem_id=query["problem"],
            model_version_id=query["version"],
            archived=query["archived"],
        )
        return self.page(rows, EvaluationRow)

    @extend_schema(operation_id="evaluation_launch", request=EvaluationInput, responses={201: EvaluationRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Evaluate a version on held-out rows, by segment, against a baseline on the same rows."""
        data = self.input(EvaluationInput)
        extras = services.Extras.of({name: data.pop(name, None) for name in services.EXTRAS})
        company = services.Company.of(data.pop("member_version_ids", None), data.pop("sure"))
        row_columns = services.RowColumns(data.pop("weight_column"), data.pop("query_column"))
        evaluation = services.evaluation_launch(
            actor=self.actor, extras=extras, company=company, row_columns=row_columns, **data
        )
        return Response(EvaluationRow(evaluation).data, status=201)


class EvaluationView(ApiView):
    @extend_schema(operation_id="evaluation_get", responses={200: EvaluationDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One evaluation with its report."""
        return Response(EvaluationDetail(selectors.evaluation_get(self.actor, pk)).data)

    @extend_schema(operation_id="evaluation_update", request=EvaluationChange, responses={200: EvaluationRow})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Archive or bring back."""
        data = self.input(EvaluationChange)
        services.evaluation_archive(actor=self.actor, evaluation_id=pk, archived=data["archived"])
        return Response(EvaluationRow(selectors.evaluation_get(self.actor, pk)).data)


class FindingsView(ApiView):
    @extend_schema(operation_id="evaluation_findings", responses={200: FindingsDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Weak slices, flips, fairness, behaviour, leakage, combination.

        Null for an evaluation that was made before there were findings.
        """
        evaluation = selectors.evaluation_get(self.actor, pk)
        found = selectors.findings_of(evaluation)
        body = {
            "evaluation_id": evaluation.pk,
            "findings_digest": evaluation.findings_digest,
            "findings": None if found is None else evaluation.findings,
        }
        return Response(FindingsDetail(body).data)
