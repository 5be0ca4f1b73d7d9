"""JSON of audit entries and of the chain's state."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.audit.models import AuditEvent
from apps.core.api.rows import ModelSerializer


class AuditEventSerializer(ModelSerializer[AuditEvent]):
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "sequence",
            "at",
            "actor_kind",
            "actor_id",
            "actor_label",
            "on_behalf_of",
            "action",
            "object_type",
            "object_id",
            "object_label",
            "team_id",
            "problem_id",
            "reason",
            "before",
            "after",
            "request_id",
            "previous_hash",
            "hash",
        ]


class ChainFaultSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["ALTERED", "MISSING", "REORDERED", "BROKEN_LINK"])
    sequence = serializers.IntegerField()
    event_id = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()


class ChainReportSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    checked = serializers.IntegerField()
    last_sequence = serializers.IntegerField()
    last_hash = serializers.CharField()
    tail = serializers.IntegerField(help_text="Entries that wait to be sealed.")
    tail_seconds = serializers.FloatField(help_text="Age of the oldest of them.")
    sealer_late = serializers.BooleanField()
    faults = ChainFaultSerializer(many=True)
