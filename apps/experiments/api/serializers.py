"""Experiments and runs as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.experiments.models import Artifact, Experiment, Run, RunInput


class ExperimentRow(ModelSerializer[Experiment]):
    """An experiment."""

    opened_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Experiment
        fields = [
            "id",
            "number",
            "team_id",
            "problem_id",
            "name",
            "hypothesis",
            "conclusion",
            "state",
            "tags",
            "opened_by",
            "created_at",
            "archived_at",
            "row_version",
        ]
        read_only_fields = fields


class ExperimentInput(serializers.Serializer[Any]):
    """What opens an experiment."""

    team_id = serializers.UUIDField()
    name = serializers.CharField(max_length=250)
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    hypothesis = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)


class ExperimentChange(serializers.Serializer[Any]):
    """What of an experiment changes; fields left out stay."""

    name = serializers.CharField(max_length=250, required=False)
    hypothesis = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    conclusion = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    problem_id = serializers.UUIDField(required=False)
    archived = serializers.BooleanField(required=False)


class RunRow(ModelSerializer[Run]):
    """A run with its params and newest metrics: {key: [value, step, milliseconds since 1970]}."""

    begun_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Run
        fields = [
            "id",
            "experiment_id",
            "team_id",
            "name",
            "status",
            "job_id",
            "source",
            "seed",
            "params",
            "metrics_latest",
            "tags",
            "started_at",
            "ended_at",
            "sealed_at",
            "deleted_at",
            "begun_by",
        ]
        read_only_fields = fields


class RunInputRow(ModelSerializer[RunInput]):
    class Meta:
        model = RunInput
        fields = ["dataset_version_id", "role", "external"]
        read_only_fields = fields


class RunDetail(RunRow):
    """A run with what it needs to be made again."""

    inputs = RunInputRow(many=True, read_only=True)

    class Meta(RunRow.Meta):
        fields = [*RunRow.Meta.fields, "code", "environment", "notes", "inputs"]
        read_only_fields = fields


class RunChange(serializers.Serializer[Any]):
    """What of a run changes; fields left out stay."""

    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    tags = serializers.DictField(child=serializers.CharField(max_length=8000, allow_blank=True), required=False)
    archived = serializers.BooleanField(required=False)


class MetricRow(serializers.Serializer[Any]):
    """One measurement; a value that JSON has no number for is NaN, Infinity or -Infinity as text."""

    step = serializers.IntegerField()
    timestamp = serializers.IntegerField()
    value = serializers.JSONField()


class MetricHistory(serializers.Serializer[Any]):
    key = serializers.CharField()
    history = MetricRow(many=True)


class ArtifactRow(ModelSerializer[Artifact]):
    class Meta:
        model = Artifact
        fields = ["path", "size", "sha256", "created_at"]
        read_only_fields = fields


class Comparison(serializers.Serializer[Any]):
    """Runs side by side, in the order asked for."""

    runs = RunRow(many=True)
    params = serializers.ListField(child=serializers.DictField())
    metrics = serializers.ListField(child=serializers.DictField())
