"""What the storage's end points answer and take."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class UseKind(serializers.Serializer[Any]):
    """What one kind of object of a team holds."""

    kind = serializers.CharField()
    objects = serializers.IntegerField()
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()


class UseOfTeam(serializers.Serializer[Any]):
    """What a team holds; `bytes` counts the same bytes once."""

    team_id = serializers.UUIDField(source="team.pk")
    team = serializers.CharField(source="team.name")
    bytes = serializers.IntegerField()
    kinds = UseKind(source="rows", many=True)


class KeptBy(serializers.Serializer[Any]):
    """Another object that needs the same bytes; without a label where it is another team's."""

    kind = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]


class PurgeFileRow(serializers.Serializer[Any]):
    path = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    kept_by = KeptBy(many=True)


class Thing(serializers.Serializer[Any]):
    """A thing by type ("registry.modelversion"), id and label."""

    type = serializers.CharField()
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]


class PurgePreviewDetail(serializers.Serializer[Any]):
    """What removing the bytes would mean. With `against` not empty it is refused (409)."""

    confirm = serializers.CharField(source="label", help_text="What has to be repeated to confirm.")
    purged = serializers.BooleanField()
    bytes_freed = serializers.IntegerField()
    bytes_kept = serializers.IntegerField()
    files = PurgeFileRow(many=True)
    loses = serializers.SerializerMethodField()
    live = Thing(many=True)
    against = serializers.ListField(child=serializers.CharField())

    def get_loses(self, preview: Any) -> list[dict[str, str]]:
        """Things that could not be made again."""
        return [
            {"type": node.type, "id": str(node.id), "label": node.label} for _, nodes in preview.loses for node in nodes
        ]


class PurgeInput(serializers.Serializer[Any]):
    """`confirm` repeats the name that the preview says."""

    confirm = serializers.CharField(max_length=400)
    reason = serializers.CharField(max_length=2000)


class HealthPart(serializers.Serializer[Any]):
    """`state` is OK, WARN, DOWN or NONE (not set up); `works` says what still works."""

    key = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    text = serializers.CharField()
    works = serializers.CharField()
    facts = serializers.DictField(child=serializers.CharField())


class HealthWorker(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.CharField()
    lives = serializers.BooleanField()
    drained = serializers.BooleanField()
    seen_at = serializers.DateTimeField()
    clock_ahead_seconds = serializers.FloatField()
    jobs = serializers.ListField(child=serializers.UUIDField())


class HealthDetail(serializers.Serializer[Any]):
    """How the installation is."""

    state = serializers.CharField()
    verdict = serializers.CharField()
    advice = serializers.CharField()
    at = serializers.DateTimeField()
    parts = HealthPart(many=True)
    workers = HealthWorker(many=True)
