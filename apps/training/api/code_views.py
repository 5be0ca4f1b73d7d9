"""Launches of people's own code, and templates of them, for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.jobs.contracts import PRIORITIES
from apps.training import selectors, services
from apps.training.models import CodeLaunch, LaunchTemplate

LOCK_OR_OWN = ["lock", "own"]
CHECKPOINT_HELP = "Folder whose files are kept to go on from; left out: as the entry declares, empty: none."
TARGET_HELP = "The compute target; this machine when it is left out."


class CodeLaunchInput(serializers.Serializer[Any]):
    """An entry with its params, or a command. `idempotency_key`: the same key again is the same launch."""

    bundle_id = serializers.UUIDField()
    entry = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")
    command = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    params = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(min_value=0, max_value=2**32 - 1, required=False, default=0)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    environment = serializers.ChoiceField(choices=LOCK_OR_OWN, required=False, default="lock")
    target_id = serializers.UUIDField(required=False, allow_null=True, default=None, help_text=TARGET_HELP)
    checkpoint = serializers.CharField(
        max_length=200, required=False, allow_null=True, allow_blank=True, default=None, help_text=CHECKPOINT_HELP
    )
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, default="normal")
    restartable = serializers.BooleanField(
        required=False, default=False, help_text="With the priority low it gives up its place for one that is high."
    )
    idempotency_key = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class CodeLaunchRow(ModelSerializer[CodeLaunch]):
    """`model_version_id` is set once the job has ended well and a model of it was registered."""

    class Meta:
        model = CodeLaunch
        fields = [
            *("id", "team_id", "bundle_id", "entry", "command", "params", "seed", "environment_id", "problem_id"),
            *("checkpoint", "experiment_id", "run_id", "job_id", "model_id", "model_version_id"),
            *("created_by_label", "created_at"),
        ]
        read_only_fields = fields


class LaunchesQuery(serializers.Serializer[Any]):
    bundle = serializers.UUIDField(required=False, default=None)


class TemplateInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    bundle_id = serializers.UUIDField()
    entry = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")
    command = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    params = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(min_value=0, max_value=2**32 - 1, required=False, default=0)
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    environment = serializers.ChoiceField(choices=LOCK_OR_OWN, required=False, default="lock")
    target_id = serializers.UUIDField(required=False, allow_null=True, default=None, help_text=TARGET_HELP)
    checkpoint = serializers.CharField(
        max_length=200, required=False, allow_null=True, allow_blank=True, default=None, help_text=CHECKPOINT_HELP
    )
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, default="normal")


class TemplateRow(ModelSerializer[LaunchTemplate]):
    environment = serializers.ChoiceField(choices=LOCK_OR_OWN, read_only=True)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), read_only=True)

    class Meta:
        model = LaunchTemplate
        fields = [
            *("id", "team_id", "name", "description", "bundle_id", "entry", "command", "params", "seed", "problem_id"),
            *("environment", "target_id", "checkpoint", "priority", "created_by_label", "created_at"),
        ]
        read_only_fields = fields


class TemplateLaunchInput(serializers.Serializer[Any]):
    """What differs from the template."""

    params = serializers.DictField(required=False, default=dict)
    seed = serializers.IntegerField(min_value=0, max_value=2**32 - 1, required=False, allow_null=True, default=None)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    idempotency_key = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class CodeLaunchListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(
        operation_id="code_launch_list", parameters=[LaunchesQuery], responses={200: CodeLaunchRow(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Launches of people's own code, newest first."""
        query = self.query(LaunchesQuery)
        return self.page(selectors.code_launch_list(self.actor, query["bundle"]), CodeLaunchRow)

    @extend_schema(operation_id="code_launch", request=CodeLaunchInput, responses={201: CodeLaunchRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Run an entry or a command of a bundle as a job with a run of its own."""
        launch = services.code_launch(actor=self.actor, **self.input(CodeLaunchInput))
        return Response(CodeLaunchRow(launch).data, status=201)


class CodeLaunchView(ApiView):
    @extend_schema(operation_id="code_launch_get", responses={200: CodeLaunchRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One launch."""
        return Response(CodeLaunchRow(selectors.code_launch_get(self.actor, pk)).data)


class TemplateListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="template_list", responses={200: TemplateRow(many=True)})
    def get(self, request: Request) -> Response:
        """Templates, newest first."""
        return self.page(selectors.template_list(self.actor), TemplateRow)

    @extend_schema(operation_id="template_save", request=TemplateInput, responses={201: TemplateRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Keep a launch under a name."""
        template = services.template_save(actor=self.actor, **self.input(TemplateInput))
        return Response(TemplateRow(template).data, status=201)


class TemplateView(ApiView):
    @extend_schema(operation_id="template_get", responses={200: TemplateRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One template."""
        return Response(TemplateRow(selectors.template_get(self.actor, pk)).data)

    @extend_schema(operation_id="template_remove", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Put it away; what was launched from it stays."""
        services.template_remove(actor=self.actor, template_id=pk)
        return Response(status=204)


class TemplateLaunchView(ApiView):
    @extend_schema(operation_id="template_launch", request=TemplateLaunchInput, responses={201: CodeLaunchRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Launch what the template says, with some parameters changed."""
        launch = services.template_launch(actor=self.actor, template_id=pk, **self.input(TemplateLaunchInput))
        return Response(CodeLaunchRow(launch).data, status=201)
