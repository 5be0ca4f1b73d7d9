"""JSON of lineage."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.lineage.models import Relation


class NodeSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="As in `registry.modelversion`.")
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]
    url = serializers.CharField(allow_blank=True)


class EdgeSerializer(serializers.Serializer[Any]):
    subject = NodeSerializer()
    relation = serializers.ChoiceField(choices=Relation.choices)
    object = NodeSerializer()
    at = serializers.DateTimeField()
    depth = serializers.IntegerField(help_text="Steps from the thing that was asked about, from 1.")


class LineageSerializer(serializers.Serializer[Any]):
    upstream = EdgeSerializer(many=True)
    downstream = EdgeSerializer(many=True)
    cut = serializers.BooleanField(help_text="More edges exist than are listed.")
