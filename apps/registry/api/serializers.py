"""Models and versions as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.registry.models import Model, ModelAlias, ModelVersion
from apps.registry.services.stated import MAX_COLUMN_NAME, MAX_COLUMNS
from workers.contracts.signature import DATATYPES


class ModelRow(ModelSerializer[Model]):
    registered_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Model
        fields = [
            "id",
            "team_id",
            "problem_id",
            "name",
            "description",
            "task",
            "registered_by",
            "created_at",
            "archived_at",
            "row_version",
        ]
        read_only_fields = fields


class ModelChange(serializers.Serializer[Any]):
    description = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    problem_id = serializers.UUIDField(required=False)
    archived = serializers.BooleanField(required=False)


class VersionRow(ModelSerializer[ModelVersion]):
    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "model_id",
            "team_id",
            "number",
            "state",
            "run_id",
            "recipe",
            "format",
            "task",
            "threshold",
            "content_digest",
            "quarantine_reason",
            "description",
            "registered_by_label",
            "created_at",
        ]
        read_only_fields = fields


class VersionDetail(VersionRow):
    """A version with its files, signature and facts. What was brought as predictions has no files: its answers are in
    `brought_columns` of the dataset version `brought_on_id`.
    """

    class Meta(VersionRow.Meta):
        fields = [
            *VersionRow.Meta.fields,
            "path",
            "source",
            "brought_on_id",
            "brought_columns",
            "manifest",
            "signature",
            "classes",
            "complexity",
            "environment",
            "importance",
            "tags",
        ]
        read_only_fields = fields


class TensorInput(serializers.Serializer[Any]):
    """One column that a model reads, one value a row."""

    name = serializers.CharField(max_length=MAX_COLUMN_NAME, trim_whitespace=False)
    datatype = serializers.ChoiceField(choices=DATATYPES)
    required = serializers.BooleanField(default=True)  # type: ignore[assignment]


class SignatureInput(serializers.Serializer[Any]):
    """The columns that a model reads, in the model's own order; what it answers follows from its task."""

    inputs = serializers.ListField(child=TensorInput(), min_length=1, max_length=MAX_COLUMNS)


class VersionInput(serializers.Serializer[Any]):
    """Register what a run logged, with what its files do not say: columns, classes, the data it was trained on."""

    run_id = serializers.UUIDField()
    path = serializers.CharField(max_length=300, default="model")
    signature = SignatureInput(required=False, default=None, allow_null=True)
    dataset_version_id = serializers.UUIDField(required=False, default=None, allow_null=True)
    classes = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=1000, required=False, default=None, allow_null=True
    )
    description = serializers.CharField(required=False, allow_blank=True, default="", max_length=20_000)


class VersionChange(serializers.Serializer[Any]):
    description = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    archived = serializers.BooleanField(required=False)


class QuarantineInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class AliasInput(serializers.Serializer[Any]):
    version_id = serializers.UUIDField()


class AliasRow(ModelSerializer[ModelAlias]):
    class Meta:
        model = ModelAlias
        fields = ["name", "model_id", "version_id"]
        read_only_fields = fields
