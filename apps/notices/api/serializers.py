"""JSON of notices."""

from __future__ import annotations

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.notices.models import Notice


class NoticeSerializer(ModelSerializer[Notice]):
    team_id = serializers.UUIDField()

    class Meta:
        model = Notice
        fields = ["id", "team_id", "kind", "title", "text", "url", "created_at", "read_at", "mail"]


class NoticesRead(serializers.Serializer[dict[str, int]]):
    read = serializers.IntegerField(help_text="How many were not read before.")
