"""Proposed thresholds for scripts."""

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
from apps.evaluations.models import ThresholdProposal


class ProposalInput(serializers.Serializer[Any]):
    threshold = serializers.FloatField(min_value=0, max_value=1)
    reason = serializers.CharField(max_length=2000)


class ProposalRow(ModelSerializer[ThresholdProposal]):
    class Meta:
        model = ThresholdProposal
        fields = ["id", "evaluation_id", "threshold", "reason", "created_by_label", "created_at"]
        read_only_fields = fields


class AppliedRow(serializers.Serializer[Any]):
    model_version_id = serializers.UUIDField(source="pk", read_only=True)
    number = serializers.IntegerField(read_only=True)
    threshold = serializers.FloatField(read_only=True)


class ProposalListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="threshold_proposal_list", responses={200: ProposalRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Proposed thresholds of an evaluation, newest first."""
        evaluation = selectors.evaluation_get(self.actor, pk)
        return self.page(selectors.proposal_list(self.actor, evaluation.pk), ProposalRow)

    @extend_schema(operation_id="threshold_propose", request=ProposalInput, responses={201: ProposalRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Propose a threshold. It changes nothing."""
        proposal = services.proposal_save(actor=self.actor, evaluation_id=pk, **self.input(ProposalInput))
        return Response(ProposalRow(proposal).data, status=201)


class ProposalView(ApiView):
    @extend_schema(operation_id="threshold_withdraw", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Take a proposal back."""
        services.proposal_archive(actor=self.actor, proposal_id=pk)
        return Response(status=204)


class ProposalApplyView(ApiView):
    @extend_schema(operation_id="threshold_apply", request=None, responses={201: AppliedRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Make a version of the same files that decides from the proposed threshold on."""
        version = services.proposal_apply(actor=self.actor, proposal_id=pk)
        return Response(AppliedRow(version).data, status=201)
