"""Webhooks and their log in JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.webhooks.models import Delivery, Webhook


class WebhookSerializer(ModelSerializer[Webhook]):
    team_id = serializers.UUIDField()
    events = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Webhook
        fields = ("id", "team_id", "name", "description", "url", "events", "status", "created_at", "updated_at")


class DeliverySerializer(ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = (
            "id",
            "event",
            "state",
            "attempts",
            "next_at",
            "response_status",
            "error",
            "created_at",
            "finished_at",
        )


class ResentSerializer(serializers.Serializer[Any]):
    """How many deliveries will be sent again."""

    queued = serializers.IntegerField(read_only=True)
