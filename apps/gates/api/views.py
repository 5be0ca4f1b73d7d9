"""Gate results for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.evaluations import selectors as evaluations
from apps.gates import selectors
from apps.gates.models import GateResult


class GateRow(ModelSerializer[GateResult]):
    class Meta:
        model = GateResult
        fields = [
            "id",
            "name",
            "group_key",
            "group_label",
            "protected",
            "critical",
            "outcome",
            "blocks",
            "sentence",
            "value",
            "low",
            "high",
            "limit",
            "rows",
        ]
        read_only_fields = fields


class GateVerdict(serializers.Serializer[Any]):
    """All results, what blocks first, and their counts."""

    clear = serializers.BooleanField()
    blocking = serializers.IntegerField()
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    not_proven = serializers.IntegerField()
    not_evaluated = serializers.IntegerField()
    results = GateRow(many=True)


class GateListView(ApiView):
    @extend_schema(operation_id="gate_list", responses={200: GateVerdict})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The gates of an evaluation."""
        evaluation = evaluations.evaluation_get(self.actor, pk)
        summary = selectors.gate_summary(evaluation)
        body = {
            "clear": summary.clear,
            "blocking": summary.blocking,
            "passed": summary.passed,
            "failed": summary.failed,
            "not_proven": summary.not_proven,
            "not_evaluated": summary.not_evaluated,
            "results": selectors.gate_list(evaluation),
        }
        return Response(GateVerdict(body).data)
