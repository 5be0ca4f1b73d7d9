"""Code and environments as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.code.models import Bundle, Environment
from apps.core.api.rows import ModelSerializer


class BundleRow(ModelSerializer[Bundle]):
    """A bundle in a list."""

    class Meta:
        model = Bundle
        fields = [
            *("id", "team_id", "name", "kind", "state", "filename", "sha256", "size", "repository", "commit"),
            *("requires_python", "lock_path", "job_id", "cause", "created_by_label", "created_at", "archived_at"),
        ]
        read_only_fields = fields


class BundleFile(serializers.Serializer[Any]):
    path = serializers.CharField()
    size = serializers.IntegerField()


class BundleEntry(serializers.Serializer[Any]):
    """A way into the bundle; `schema` is the JSON Schema of its parameters, `source` says where they were found."""

    id = serializers.CharField()
    how = serializers.CharField()
    target = serializers.CharField()
    title = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    schema = serializers.DictField()
    notes = serializers.ListField(child=serializers.CharField())


class BundleDetail(BundleRow):
    """A bundle with its files and entries. `notes` are sentences on what could not be read."""

    files = BundleFile(many=True)
    entries = BundleEntry(many=True)
    notes = serializers.ListField(child=serializers.CharField())

    class Meta(BundleRow.Meta):
        fields = [*BundleRow.Meta.fields, "root", "files", "entries", "notes"]
        read_only_fields = fields


class StoreQuery(serializers.Serializer[Any]):
    team_id = serializers.UUIDField()
    filename = serializers.CharField(max_length=255, help_text="Its end says what it is: .py, .zip, .whl or .ipynb.")
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class ListQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)


class CodeFetchInput(serializers.Serializer[Any]):
    team_id = serializers.UUIDField()
    repository = serializers.CharField(max_length=500, help_text="An https address without name and password.")
    commit = serializers.CharField(max_length=64, help_text="The whole commit, not a branch.")
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class EnvironmentRow(ModelSerializer[Environment]):
    """An environment in a list."""

    class Meta:
        model = Environment
        fields = [
            *("id", "team_id", "name", "digest", "state", "python", "platform", "size", "archive_size", "job_id"),
            *("cause", "built_at", "used_at", "created_by_label", "created_at"),
        ]
        read_only_fields = fields


class EnvironmentDetail(EnvironmentRow):
    """An environment with its packages and its canonical lock."""

    packages = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))

    class Meta(EnvironmentRow.Meta):
        fields = [*EnvironmentRow.Meta.fields, "packages", "lock"]
        read_only_fields = fields


class EnvironmentInput(serializers.Serializer[Any]):
    team_id = serializers.UUIDField()
    lock = serializers.CharField(max_length=2 * 1024 * 1024, trim_whitespace=False)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class EnvironmentRemoval(serializers.Serializer[Any]):
    """What removing would free, and what keeps it."""

    allowed = serializers.BooleanField()
    bytes = serializers.IntegerField()
    runs = serializers.IntegerField()
    kept_by = serializers.ListField(child=serializers.CharField())


class EnvironmentRemove(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
