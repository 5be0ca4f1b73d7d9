"""Storage backends in JSON; a secret goes in and never comes out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.stores import selectors
from apps.stores.contracts import ADDABLE
from apps.stores.models import StorageBackend, StorageMove, StorageTest
from apps.stores.services.backends import SECRET_LIMIT


class StoreUse(serializers.Serializer[Any]):
    """Copies in a store."""

    files = serializers.IntegerField()
    bytes = serializers.IntegerField()


class StoreTeamUse(StoreUse):
    team_id = serializers.UUIDField(allow_null=True, help_text="Null: copies that nothing refers to.")


class StoreGrowth(serializers.Serializer[Any]):
    """What a store holds, what it held 30 days ago (null: not measured that long), and who needs it."""

    now = StoreUse()
    then = StoreUse(allow_null=True, help_text="30 days ago.")
    grown = serializers.IntegerField(allow_null=True, help_text="Bytes more than 30 days ago.")
    measured_since = serializers.DateField(allow_null=True)
    teams = StoreTeamUse(many=True)


class StoreRetention(serializers.Serializer[Any]):
    """Copies that nothing refers to: all, and those that the collector's next round removes."""

    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    due_files = serializers.IntegerField()
    due_bytes = serializers.IntegerField()


class StoreRow(ModelSerializer[StorageBackend]):
    class Meta:
        model = StorageBackend
        fields = [
            *("id", "name", "description", "kind", "state", "state_reason", "state_since", "fault", "builtin"),
            *("location", "prefix", "endpoint_url", "region", "key_id", "retention_days", "row_version"),
        ]
        read_only_fields = fields


class StoreDetail(StoreRow):
    """One store with the teams whose new files go to it, and whether it has a secret, never the secret."""

    has_secret = serializers.SerializerMethodField()
    team_ids = serializers.SerializerMethodField(help_text="Of the own store: none, since it is everybody's else.")

    class Meta(StoreRow.Meta):
        fields = [
            *StoreRow.Meta.fields,
            *("has_secret", "team_ids", "tested_at", "checked_at", "answered_at", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    def get_has_secret(self, backend: StorageBackend) -> bool:
        return bool(backend.secret)

    def get_team_ids(self, backend: StorageBackend) -> list[str]:
        return [str(row.team_id) for row in selectors.teams_of(backend)]


class StoreStep(serializers.Serializer[Any]):
    key = serializers.CharField()
    state = serializers.CharField(help_text="WAITING, RUNNING, PASSED or FAILED.")
    seconds = serializers.FloatField(allow_null=True)
    text = serializers.CharField()


class StoreTestRow(ModelSerializer[StorageTest]):
    steps = StoreStep(many=True)

    class Meta:
        model = StorageTest
        fields = ["id", "backend_id", "state", "verdict", "steps", "created_at", "ended_at"]
        read_only_fields = fields


class StoreMoveRow(ModelSerializer[StorageMove]):
    faults = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()), help_text="[hash, why], the first hundred."
    )

    class Meta:
        model = StorageMove
        fields = [
            *("id", "team_id", "source_id", "target_id", "state", "verdict", "waits", "files_total", "bytes_total"),
            *("files_done", "bytes_done", "files_kept", "files_failed", "faults", "created_by_label"),
            *("cancel_requested_at", "created_at", "ended_at"),
        ]
        read_only_fields = fields


class StoreChanges(serializers.Serializer[Any]):
    """What may be said of a store at any time; only what is given is changed."""

    name = serializers.CharField(max_length=63, required=False)
    description = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    location = serializers.CharField(max_length=500, required=False, help_text="Folder, bucket or container.")
    prefix = serializers.CharField(max_length=200, required=False, allow_blank=True)
    endpoint_url = serializers.CharField(max_length=500, required=False, allow_blank=True, help_text="S3 only.")
    region = serializers.CharField(max_length=63, required=False, allow_blank=True, help_text="S3 only.")
    key_id = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="S3: the access key id. Azure: the account."
    )
    secret = serializers.CharField(max_length=SECRET_LIMIT, required=False, allow_blank=True, write_only=True)
    retention_days = serializers.IntegerField(required=False, min_value=1, max_value=selectors.DAYS_MOST)


class StoreInput(StoreChanges):
    name = serializers.CharField(max_length=63)
    kind = serializers.CharField(max_length=8, help_text=f"One of {', '.join(ADDABLE)}.")


class StorePatch(StoreChanges):
    row_version = serializers.IntegerField(required=False, min_value=1)


class StoreReason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, allow_blank=True, required=False, default="")


class StoreTeamInput(serializers.Serializer[Any]):
    team_id = serializers.UUIDField()


class StoreMoveInput(serializers.Serializer[Any]):
    team_id = serializers.UUIDField()
    source_id = serializers.UUIDField()
    target_id = serializers.UUIDField()
