"""The ledger for scripts and services: what runs taught."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.experiments import selectors, services
from apps.experiments.models import Lesson
from apps.experiments.services.lessons import TEXT_LIMIT


class LessonRow(ModelSerializer[Lesson]):
    """What a run taught; `difference` is the metric's newest value less that of the run it is measured against."""

    experiment_id = serializers.UUIDField(source="run.experiment_id", read_only=True)
    difference = serializers.SerializerMethodField()
    written_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Lesson
        fields = [
            "run_id",
            "experiment_id",
            "effect",
            "text",
            "metric",
            "segment",
            "against_id",
            "difference",
            "written_by",
            "updated_at",
            "row_version",
        ]
        read_only_fields = fields

    def get_difference(self, lesson: Lesson) -> float | None:
        return selectors.lesson_difference(lesson)


class LessonInput(serializers.Serializer[Any]):
    """What a run taught, in a sentence or two."""

    effect = serializers.ChoiceField(Lesson.Effect.choices)
    text = serializers.CharField(max_length=TEXT_LIMIT)
    metric = serializers.CharField(required=False, allow_blank=True, default="", max_length=250)
    segment = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    against_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    row_version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)


class LessonQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    experiment = serializers.UUIDField(required=False, default=None)
    effect = serializers.ChoiceField(Lesson.Effect.choices, required=False, default=None)
    metric = serializers.CharField(required=False, default="", max_length=250)


class LessonListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="lesson_list", parameters=[LessonQuery], responses={200: LessonRow(many=True)})
    def get(self, request: Request) -> Response:
        """What runs taught, newest first: `effect=HELPED&metric=validation_roc_auc` asks what helped it."""
        query = self.query(LessonQuery)
        rows = selectors.lesson_list(
            self.actor, team_id=query["team"], problem_id=query["problem"], experiment_id=query["experiment"]
        )
        if query["effect"]:
            rows = rows.filter(effect=query["effect"])
        if query["metric"]:
            rows = rows.filter(metric=query["metric"])
        return self.page(rows, LessonRow)


class RunLessonView(ApiView):
    @extend_schema(operation_id="run_lesson_get", responses={200: LessonRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What a run taught; 404 while nobody has said so."""
        return Response(LessonRow(selectors.lesson_get(selectors.run_get(self.actor, pk))).data)

    @extend_schema(operation_id="run_lesson_save", request=LessonInput, responses={200: LessonRow})
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Say what a run taught; saying it again replaces it."""
        selectors.run_get(self.actor, pk)
        lesson = services.lesson_save(actor=self.actor, run_id=pk, **self.input(LessonInput))
        return Response(LessonRow(lesson).data)

    @extend_schema(operation_id="run_lesson_remove", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Take it back; the audit keeps it."""
        selectors.run_get(self.actor, pk)
        services.lesson_remove(actor=self.actor, run_id=pk)
        return Response(status=204)
