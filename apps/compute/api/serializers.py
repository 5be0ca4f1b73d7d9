"""Compute targets in JSON; a secret goes in and never comes out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.services import LIMIT_NAMES
from apps.core.api.rows import ModelSerializer


class TargetRow(ModelSerializer[ComputeTarget]):
    """A target as everybody sees it who may use it."""

    labels = serializers.DictField(child=serializers.CharField())
    limits = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = ComputeTarget
        fields = [
            "id",
            "name",
            "description",
            "kind",
            "state",
            "state_reason",
            "state_since",
            "cores",
            "gpus",
            "memory_bytes",
            "slots",
            "labels",
            "price_minor",
            "currency",
            "limits",
            "all_teams",
            "builtin",
            "row_version",
        ]
        read_only_fields = fields


class TargetDetail(TargetRow):
    """A target as those see it who manage it: with its addresses, and whether it has a secret, never the secret."""

    has_secret = serializers.SerializerMethodField()
    team_ids = serializers.SerializerMethodField()
    running = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()

    class Meta(TargetRow.Meta):
        fields = [
            *TargetRow.Meta.fields,
            *("address", "reach_url", "has_secret", "team_ids", "tested_at", "checked_at", "answered_at"),
            *("running", "waiting", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    def get_has_secret(self, target: ComputeTarget) -> bool:
        return bool(target.secret)

    def get_team_ids(self, target: ComputeTarget) -> list[str]:
        return [] if target.all_teams else [str(team.pk) for team in target.teams.all()]

    def _use(self, target: ComputeTarget) -> Any:
        from apps.compute.contracts import use_of

        return use_of([target.pk])[target.pk]

    def get_running(self, target: ComputeTarget) -> int:
        return int(self._use(target).running)

    def get_waiting(self, target: ComputeTarget) -> int:
        return int(self._use(target).waiting)


class StepRow(serializers.Serializer[Any]):
    key = serializers.CharField()
    state = serializers.CharField(help_text="WAITING, RUNNING, PASSED, SKIPPED or FAILED.")
    seconds = serializers.FloatField(allow_null=True)
    text = serializers.CharField()


class TestRow(ModelSerializer[TargetTest]):
    steps = StepRow(many=True)
    output = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = TargetTest
        fields = ["id", "target_id", "state", "verdict", "steps", "output", "created_at", "ended_at"]
        read_only_fields = fields


class TargetChanges(serializers.Serializer[Any]):
    """What may be said of a target at any time; only what is given is changed."""

    name = serializers.CharField(max_length=63, required=False)
    description = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    address = serializers.CharField(max_length=500, required=False, allow_blank=True)
    reach_url = serializers.CharField(max_length=500, required=False, allow_blank=True)
    secret = serializers.CharField(max_length=4000, required=False, allow_blank=True, write_only=True)
    cores = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=100_000)
    gpus = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=10_000)
    memory_bytes = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**60)
    slots = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=1000)
    labels = serializers.DictField(child=serializers.CharField(max_length=63), required=False)
    price_minor = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=10**12)
    currency = serializers.CharField(max_length=3, required=False, allow_blank=True)
    limits = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text=f"Of {', '.join(LIMIT_NAMES)}."
    )
    all_teams = serializers.BooleanField(required=False)
    team_ids = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)


class TargetInput(TargetChanges):
    name = serializers.CharField(max_length=63)
    kind = serializers.CharField(max_length=40)


class TargetPatch(TargetChanges):
    row_version = serializers.IntegerField(required=False, min_value=1)


class DrainInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, allow_blank=True, required=False, default="")
