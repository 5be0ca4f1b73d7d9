"""Traces, spans and assessments as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.traces.models import Assessment, Span, Trace

# What a person says of a trace; that it shows an issue is said by MLflow's clients.
_JUDGED = [(kind.value, kind.label) for kind in (Assessment.Kind.FEEDBACK, Assessment.Kind.EXPECTATION)]


class TraceRow(ModelSerializer[Trace]):
    """A trace without its spans; `key` is the id that clients use."""

    sent_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Trace
        fields = [
            "id",
            "key",
            "experiment_id",
            "team_id",
            "name",
            "state",
            "started_at",
            "duration_ms",
            "client_request",
            "request",
            "response",
            "metadata",
            "tags",
            "usage",
            "span_count",
            "sent_by",
        ]
        read_only_fields = fields


class AssessmentRow(ModelSerializer[Assessment]):
    """A judgement of a trace, or of the span that it names."""

    value = serializers.JSONField(read_only=True)
    error = serializers.JSONField(read_only=True)
    written_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Assessment
        fields = [
            "id",
            "name",
            "kind",
            "span",
            "value",
            "error",
            "source_type",
            "source_id",
            "rationale",
            "metadata",
            "overrides_id",
            "valid",
            "created_at",
            "updated_at",
            "written_by",
        ]
        read_only_fields = fields


class TraceDetail(TraceRow):
    """A trace with its assessments, the oldest first."""

    assessments = AssessmentRow(many=True, read_only=True)

    class Meta(TraceRow.Meta):
        fields = [*TraceRow.Meta.fields, "assessments"]
        read_only_fields = fields


class SpanRow(ModelSerializer[Span]):
    """A span; times in nanoseconds since 1970, `parent` is the key of the span above, "" for a root."""

    attributes = serializers.JSONField(read_only=True)
    events = serializers.JSONField(read_only=True)
    links = serializers.JSONField(read_only=True)

    class Meta:
        model = Span
        fields = [
            "key",
            "parent",
            "name",
            "type",
            "status",
            "message",
            "started_ns",
            "ended_ns",
            "attributes",
            "events",
            "links",
        ]
        read_only_fields = fields


class AssessmentInput(serializers.Serializer[Any]):
    """A judgement by whoever calls."""

    name = serializers.CharField(max_length=250)
    kind = serializers.ChoiceField(choices=_JUDGED, required=False, default="FEEDBACK")
    value = serializers.JSONField(allow_null=True)
    rationale = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)
    span = serializers.RegexField(r"^[0-9a-f]{0,16}\Z", required=False, allow_blank=True, default="")
