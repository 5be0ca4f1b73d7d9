"""Quotas of teams for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.jobs import selectors, services


class QuotaInput(serializers.Serializer[Any]):
    """All that a team may use; null is no limit. `row_version`: of the quota that was read, so that none is lost."""

    row_version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    weight = serializers.IntegerField(min_value=1, max_value=100, required=False, default=1)
    jobs_at_once = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, allow_null=True, default=None
    )
    cpu_hours = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, allow_null=True, default=None, help_text="Of 30 days."
    )
    gpu_hours = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, allow_null=True, default=None, help_text="Of 30 days."
    )
    storage_bytes = serializers.IntegerField(
        min_value=0, max_value=2**63 - 1, required=False, allow_null=True, default=None
    )


class UsedRow(serializers.Serializer[Any]):
    """What a team uses: jobs now, hours of the last 30 days, bytes it keeps."""

    jobs = serializers.IntegerField()
    cpu_hours = serializers.FloatField()
    gpu_hours = serializers.FloatField()
    storage_bytes = serializers.IntegerField(allow_null=True)


class QuotaDetail(serializers.Serializer[Any]):
    """What a team may use (null: no limit) and what it uses."""

    team_id = serializers.UUIDField()
    team = serializers.CharField()
    weight = serializers.IntegerField(source="quota.weight")
    jobs_at_once = serializers.IntegerField(source="quota.jobs_at_once", allow_null=True)
    cpu_hours = serializers.IntegerField(source="quota.cpu_hours", allow_null=True)
    gpu_hours = serializers.IntegerField(source="quota.gpu_hours", allow_null=True)
    storage_bytes = serializers.IntegerField(source="quota.storage_bytes", allow_null=True)
    row_version = serializers.IntegerField(source="quota.row_version")
    used = UsedRow()


class QuotaListView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="quota_list", responses={200: QuotaDetail(many=True)})
    def get(self, request: Request) -> Response:
        """What your teams may use and what they use, by name; of all teams for administrators."""
        return Response(QuotaDetail(selectors.quota_list(self.actor), many=True).data)


class QuotaView(ApiView):
    @extend_schema(operation_id="quota_get", responses={200: QuotaDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What a team may use and what it uses."""
        return Response(QuotaDetail(selectors.quota_get(self.actor, pk)).data)

    @extend_schema(operation_id="quota_set", request=QuotaInput, responses={200: QuotaDetail})
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Set all that a team may use; what is left out has no limit."""
        services.quota_set(actor=self.actor, team_id=pk, **self.input(QuotaInput))
        return Response(QuotaDetail(selectors.quota_get(self.actor, pk)).data)
