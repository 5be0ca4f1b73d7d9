"""Deployments as JSON."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.deployments.models import Deployment, PredictionLog, Rollout, TrafficSplit


class DeploymentRow(ModelSerializer[Deployment]):
    class Meta:
        model = Deployment
        fields = [
            "id",
            "team_id",
            "problem_id",
            "model_id",
            "name",
            "environment",
            "state",
            "state_reason",
            "mask",
            "created_at",
            "row_version",
        ]
        read_only_fields = fields


class RolloutRow(ModelSerializer[Rollout]):
    class Meta:
        model = Rollout
        fields = ["id", "number", "model_version_id", "request_id", "state", "reason", "error", "live_at", "ended_at"]
        read_only_fields = fields


class SplitRow(ModelSerializer[TrafficSplit]):
    class Meta:
        model = TrafficSplit
        fields = ["id", "effective_from", "shares", "reason", "actor_label"]
        read_only_fields = fields


class DeploymentDetail(DeploymentRow):
    """With the newest 100 rollouts, newest first, and the address of the inference protocol."""

    rollouts = serializers.SerializerMethodField()
    infer_url = serializers.SerializerMethodField()

    class Meta(DeploymentRow.Meta):
        fields = [*DeploymentRow.Meta.fields, "rollouts", "infer_url"]
        read_only_fields = fields

    @extend_schema_field(RolloutRow(many=True))
    def get_rollouts(self, deployment: Deployment) -> Any:
        return RolloutRow(self.context["rollouts"], many=True).data

    def get_infer_url(self, deployment: Deployment) -> str:
        return f"{settings.GATEWAY_URL}/v2/models/{deployment.name}/infer"


class SwitchInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class StartInput(serializers.Serializer[Any]):
    request_id = serializers.UUIDField()


class MaskInput(serializers.Serializer[Any]):
    mask = serializers.ListField(child=serializers.CharField(max_length=200), max_length=500)


class PredictionRow(ModelSerializer[PredictionLog]):
    class Meta:
        model = PredictionLog
        fields = [
            "id",
            "at",
            "version_id",
            "status",
            "inputs",
            "output",
            "score",
            "latency_ms",
            "row_digest",
            "token_hint",
            "error",
            "rows",
            "batch_score_id",
        ]
        read_only_fields = fields


class TrafficBucket(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    count = serializers.IntegerField()
    batch = serializers.IntegerField(help_text="Rows that batch scores answered; in no other count.")
    errors = serializers.IntegerField()  # type: ignore[assignment]
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)


class TrafficRow(serializers.Serializer[Any]):
    """The last 24 hours; counts and latencies (milliseconds) of calls, rows of batch scores beside them."""

    count = serializers.IntegerField()
    refused = serializers.IntegerField()
    failed = serializers.IntegerField()
    batch = serializers.IntegerField(help_text="Rows that batch scores answered; in no other count.")
    batch_refused = serializers.IntegerField(help_text="Rows that batch scores refused; in no other count.")
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)
    buckets = TrafficBucket(many=True)
