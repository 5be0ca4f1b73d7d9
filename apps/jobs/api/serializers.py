"""Jobs as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.jobs.contracts import PRIORITIES
from apps.jobs.models import Job, JobAttempt, JobEvent


class JobRow(ModelSerializer[Job]):
    """A job in a list."""

    launched_by = serializers.CharField(source="created_by_label")
    priority = serializers.ChoiceField(list(PRIORITIES), source="get_priority_display", read_only=True)

    class Meta:
        model = Job
        fields = [
            "id",
            "number",
            "team_id",
            "kind",
            "title",
            "state",
            "problem_id",
            "run_id",
            "target_id",
            "priority",
            "attempt_number",
            "max_attempts",
            "restartable",
            "preemptions",
            "progress",
            "progress_text",
            "progress_step",
            "progress_total",
            "progress_ends_at",
            "cause",
            "launched_by",
            "queued_at",
            "started_at",
            "ended_at",
            "line_count",
            "row_version",
        ]
        read_only_fields = fields


class CheckpointFileRow(serializers.Serializer[Any]):
    path = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


class CheckpointRow(serializers.Serializer[Any]):
    """What was kept; `number` counts the attempt's checkpoints."""

    number = serializers.IntegerField()
    bytes = serializers.IntegerField()
    at = serializers.DateTimeField()
    files = CheckpointFileRow(many=True)


class ResumedFromRow(serializers.Serializer[Any]):
    """The attempt whose checkpoint this one began with."""

    job = serializers.UUIDField()
    job_number = serializers.IntegerField()
    attempt = serializers.IntegerField()
    bytes = serializers.IntegerField()
    at = serializers.DateTimeField()
    files = CheckpointFileRow(many=True)


class AttemptRow(ModelSerializer[JobAttempt]):
    checkpoint = CheckpointRow(allow_null=True, read_only=True)
    resumed_from = ResumedFromRow(allow_null=True, read_only=True)

    class Meta:
        model = JobAttempt
        fields = [
            "number",
            "state",
            "cause",
            "exit_code",
            "signal",
            "started_at",
            "ended_at",
            "cpu_seconds",
            "rss_bytes",
            "rss_peak_bytes",
            "checkpoint",
            "resumed_from",
        ]
        read_only_fields = fields


class JobDetail(JobRow):
    """A job with its attempts."""

    attempts = serializers.SerializerMethodField()
    spec = serializers.DictField()
    result = serializers.DictField(allow_null=True)

    class Meta(JobRow.Meta):
        fields = [
            *JobRow.Meta.fields,
            "retry_of_id",
            "cancel_requested_at",
            "cancel_reason",
            "spec",
            "result",
            "attempts",
        ]
        read_only_fields = fields

    @extend_schema_field(AttemptRow(many=True))
    def get_attempts(self, job: Job) -> list[dict[str, Any]]:
        from apps.jobs.selectors import attempt_list

        rows: list[dict[str, Any]] = list(AttemptRow(attempt_list(job), many=True).data)
        return rows


class CancelInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, allow_blank=True, required=False, default="")


class PriorityInput(serializers.Serializer[Any]):
    priority = serializers.ChoiceField(list(PRIORITIES), help_text="The highest takes the right “job.prioritise”.")


class LogLineRow(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    attempt = serializers.IntegerField()
    at = serializers.FloatField(help_text="Seconds since the attempt began.")
    text = serializers.CharField()


class LogPage(serializers.Serializer[Any]):
    """Lines after a number, and the number to go on from."""

    lines = LogLineRow(many=True)
    next = serializers.IntegerField(help_text="Pass it as `after` to go on.")
    line_count = serializers.IntegerField()
    ended = serializers.BooleanField(help_text="The job has ended: no line will follow `line_count`.")
    removed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the lines were removed by the rule of retention."
    )


class EventRow(ModelSerializer[JobEvent]):
    class Meta:
        model = JobEvent
        fields = ["seq", "attempt", "at", "kind", "data"]
        read_only_fields = fields


class EventPage(serializers.Serializer[Any]):
    events = EventRow(many=True)
    next = serializers.IntegerField(help_text="Pass it as `after` to go on.")
