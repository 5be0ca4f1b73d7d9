"""Launching training, for scripts and services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.training import selectors, services
from apps.training.models import Launch

TASKS = ["BINARY", "MULTICLASS", "REGRESSION"]


class RecipeQuery(serializers.Serializer[Any]):
    task = serializers.ChoiceField(choices=TASKS, default="BINARY")


class RecipeRow(serializers.Serializer[Any]):
    """A recipe; `schema` is the JSON Schema of its params, `unavailable` says why it cannot start here."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    schema = serializers.DictField()
    unavailable = serializers.CharField(allow_null=True)


class LaunchInput(serializers.Serializer[Any]):
    dataset_version_id = serializers.UUIDField()
    problem_id = serializers.UUIDField()
    recipe = serializers.CharField(max_length=60)
    params = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(min_value=0, max_value=2**32 - 1, default=0)
    name = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class LaunchRow(ModelSerializer[Launch]):
    class Meta:
        model = Launch
        fields = [
            "id",
            "team_id",
            "problem_version_id",
            "dataset_version_id",
            "experiment_id",
            "run_id",
            "job_id",
            "model_id",
            "model_version_id",
            "recipe",
            "params",
            "seed",
            "created_at",
        ]
        read_only_fields = fields


class RecipeListView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="recipe_list", parameters=[RecipeQuery], responses={200: RecipeRow(many=True)})
    def get(self, request: Request) -> Response:
        """The recipes that fit a kind of problem."""
        return Response(RecipeRow(selectors.recipe_list(self.query(RecipeQuery)["task"]), many=True).data)


class LaunchListView(ApiView):
    @extend_schema(operation_id="training_launch", request=LaunchInput, responses={201: LaunchRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Train a recipe on a dataset version; its model becomes a version when the job ends well."""
        launch = services.training_launch(actor=self.actor, **self.input(LaunchInput))
        return Response(LaunchRow(launch).data, status=201)


class LaunchView(ApiView):
    @extend_schema(operation_id="training_get", responses={200: LaunchRow})
    def get(self, request: Request, pk: Any) -> Response:
        """One launch; `model_version_id` is set once the job has ended well."""
        return Response(LaunchRow(selectors.launch_get(self.actor, pk)).data)
