"""Launching training, for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.experiments import selectors as experiments
from apps.jobs.contracts import PRIORITIES
from apps.training import selectors, services
from apps.training.models import Launch, Reproduction

TASKS = ["BINARY", "MULTICLASS", "REGRESSION", "RANKING"]


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
    target_id = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="A compute target; left out: this machine."
    )
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, default="normal")
    restartable = serializers.BooleanField(
        required=False, default=False, help_text="With the priority low it gives up its place for one that is high."
    )


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


class ReproductionInput(serializers.Serializer[Any]):
    tolerance = serializers.FloatField(required=False, default=services.TOLERANCE, min_value=0, max_value=1)


class ReproductionRow(ModelSerializer[Reproduction]):
    """`found` names the first measurement beyond the tolerance, the widest gap, and what of code or environment is
    not as it was; null while the job runs.
    """

    run_id = serializers.UUIDField(read_only=True)
    job_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Reproduction
        fields = ["id", "original_id", "run_id", "job_id", "tolerance", "verdict", "found", "created_at", "ended_at"]
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


class ReproductionListView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="reproduction_list", responses={200: ReproductionRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Reproductions of a run, newest first."""
        experiments.run_get(self.actor, pk)
        rows = [one for one in selectors.reproduction_list(self.actor, pk) if one.original_id == pk]
        return Response(ReproductionRow(rows, many=True).data)

    @extend_schema(operation_id="run_reproduce", request=ReproductionInput, responses={201: ReproductionRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Do the run again from what it noted of itself, and compare: identical, within the tolerance, or apart."""
        reproduction = services.run_reproduce(actor=self.actor, run_id=pk, **self.input(ReproductionInput))
        return Response(ReproductionRow(reproduction).data, status=201)
