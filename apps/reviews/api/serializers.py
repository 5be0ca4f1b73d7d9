"""Requests and decisions as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.reviews.models import ApprovalRequest, Decision, RequestMessage
from apps.reviews.selectors import freshness


class RequestRow(ModelSerializer[ApprovalRequest]):
    class Meta:
        model = ApprovalRequest
        fields = [
            "id",
            "number",
            "team_id",
            "problem_id",
            "model_version_id",
            "evaluation_id",
            "environment",
            "state",
            "requested_by_id",
            "message",
            "evidence_digest",
            "due_at",
            "ended_at",
            "created_at",
        ]
        read_only_fields = fields


class DecisionRow(ModelSerializer[Decision]):
    class Meta:
        model = Decision
        fields = [
            "id",
            "person_id",
            "person_label",
            "role",
            "vote",
            "reason",
            "evidence_digest",
            "override",
            "overridden_gates",
            "auth_strength",
            "created_at",
        ]
        read_only_fields = fields


class MessageRow(ModelSerializer[RequestMessage]):
    class Meta:
        model = RequestMessage
        fields = ["id", "author_id", "author_label", "text", "created_at"]
        read_only_fields = fields


class RequestDetail(RequestRow):
    """With votes and messages, and what of the evidence has changed since (empty: nothing)."""

    decisions = DecisionRow(many=True, read_only=True)
    messages = MessageRow(many=True, read_only=True)
    evidence = serializers.JSONField(read_only=True)
    changes = serializers.SerializerMethodField()

    class Meta(RequestRow.Meta):
        fields = [*RequestRow.Meta.fields, "decisions", "messages", "evidence", "changes"]
        read_only_fields = fields

    def get_changes(self, request: ApprovalRequest) -> list[str]:
        return freshness(request).changes


class RequestInput(serializers.Serializer[Any]):
    model_version_id = serializers.UUIDField()
    evaluation_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    environment = serializers.RegexField(r"^[a-z][a-z0-9-]{0,39}$", default="production")
    message = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)
    due_days = serializers.IntegerField(min_value=1, max_value=90, default=5)


class DecisionInput(serializers.Serializer[Any]):
    """A vote on the evidence that was seen."""

    vote = serializers.ChoiceField(choices=["APPROVE", "REFUSE"])
    reason = serializers.CharField(max_length=5000)
    evidence_digest = serializers.RegexField(r"^[0-9a-f]{64}$")
    override_confirmation = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class ReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=5000)


class OptionalReasonInput(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class MessageInput(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=5000)
