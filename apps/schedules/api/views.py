"""Schedules for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.core.errors import Invalid
from apps.schedules import selectors, services
from apps.schedules.cron import CronError
from apps.schedules.models import Schedule, ScheduleRun


class ScheduleInput(serializers.Serializer[Any]):
    """`act` says which of template, launch, model and sweep is named; `trigger` which of cron with zone, dataset, code
    and problem.
    """

    name = serializers.CharField(max_length=120)
    trigger = serializers.ChoiceField(choices=Schedule.Trigger.choices)
    act = serializers.ChoiceField(choices=Schedule.Act.choices)
    cron = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="",
        help_text="Minute, hour, day of month, month, day of week.",
    )  # fmt: skip
    zone = serializers.CharField(max_length=60, required=False, default="UTC")
    dataset_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    bundle_name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    repository = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default="", help_text="The https address of a git repository."
    )
    branch = serializers.CharField(max_length=200, required=False, default="main")
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    template_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    launch_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    model_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    sweep_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    missed = serializers.ChoiceField(choices=Schedule.Missed.choices, required=False, default="SKIP")
    overlap = serializers.ChoiceField(choices=Schedule.Overlap.choices, required=False, default="SKIP")


class ScheduleChange(serializers.Serializer[Any]):
    """What is to be otherwise; what is left out stays. `row_version`: of the schedule that was read."""

    row_version = serializers.IntegerField(min_value=1, max_value=2_147_483_647)
    name = serializers.CharField(max_length=120, required=False)
    trigger = serializers.ChoiceField(choices=Schedule.Trigger.choices, required=False)
    act = serializers.ChoiceField(choices=Schedule.Act.choices, required=False)
    cron = serializers.CharField(max_length=200, required=False, allow_blank=True)
    zone = serializers.CharField(max_length=60, required=False)
    dataset_id = serializers.UUIDField(required=False, allow_null=True)
    bundle_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    repository = serializers.CharField(max_length=500, required=False, allow_blank=True)
    branch = serializers.CharField(max_length=200, required=False)
    problem_id = serializers.UUIDField(required=False, allow_null=True)
    template_id = serializers.UUIDField(required=False, allow_null=True)
    launch_id = serializers.UUIDField(required=False, allow_null=True)
    model_id = serializers.UUIDField(required=False, allow_null=True)
    sweep_id = serializers.UUIDField(required=False, allow_null=True)
    missed = serializers.ChoiceField(choices=Schedule.Missed.choices, required=False)
    overlap = serializers.ChoiceField(choices=Schedule.Overlap.choices, required=False)


class ScheduleRow(ModelSerializer[Schedule]):
    """`owner_id` is in whose name and with whose present rights it runs; `cause` says why it is stopped. Of a git
    branch `head` is the commit of the last look, at `looked_at`, and `look_problem` why that told nothing.
    """

    class Meta:
        model = Schedule
        fields = [
            *("id", "team_id", "name", "state", "cause", "owner_id", "trigger", "cron", "zone", "dataset_id"),
            *("bundle_name", "repository", "branch", "head", "looked_at", "look_problem", "problem_id", "act"),
            *("template_id", "launch_id", "model_id", "sweep_id", "missed"),
            *("overlap", "next_at", "created_by_label", "created_at", "row_version"),
        ]
        read_only_fields = fields


class ScheduleRunRow(ModelSerializer[ScheduleRun]):
    """`cause` is what began it: the time that was due, or the change; `note` says why it was left out or failed."""

    class Meta:
        model = ScheduleRun
        fields = [
            *("id", "state", "cause", "cause_url", "note", "due_at", "change_id", "job_id", "run_id", "sweep_id"),
            "created_at",
        ]
        read_only_fields = fields


class SchedulesQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)


class TimesQuery(serializers.Serializer[Any]):
    cron = serializers.CharField(max_length=200)
    zone = serializers.CharField(max_length=60, required=False, default="UTC")


class TimesRow(serializers.Serializer[Any]):
    times = serializers.ListField(child=serializers.DateTimeField())


class ScheduleListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="schedule_list", parameters=[SchedulesQuery], responses={200: ScheduleRow(many=True)})
    def get(self, request: Request) -> Response:
        """Schedules that you may see, newest first."""
        query = self.query(SchedulesQuery)
        return self.page(selectors.schedule_list(self.actor, query["team"]), ScheduleRow)

    @extend_schema(operation_id="schedule_create", request=ScheduleInput, responses={201: ScheduleRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Let a launch begin by itself, in your name."""
        schedule = services.schedule_create(actor=self.actor, **self.input(ScheduleInput))
        return Response(ScheduleRow(schedule).data, status=201)


class ScheduleTimesView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="schedule_times", parameters=[TimesQuery], responses={200: TimesRow})
    def get(self, request: Request) -> Response:
        """The next five moments at which an expression is due."""
        query = self.query(TimesQuery)
        try:
            times = selectors.next_times(query["cron"], query["zone"], timezone.now())
        except CronError as error:
            raise Invalid.field("cron", str(error)) from error
        return Response({"times": [one.isoformat() for one in times]})


class ScheduleView(ApiView):
    @extend_schema(operation_id="schedule_get", responses={200: ScheduleRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One schedule."""
        return Response(ScheduleRow(selectors.schedule_get(self.actor, pk)).data)

    @extend_schema(operation_id="schedule_change", request=ScheduleChange, responses={200: ScheduleRow})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Let it say something else; it keeps its state and runs in your name from then on."""
        changes = self.input(ScheduleChange)
        version = changes.pop("row_version")
        schedule = services.schedule_change(actor=self.actor, schedule_id=pk, changes=changes, row_version=version)
        return Response(ScheduleRow(schedule).data)

    @extend_schema(operation_id="schedule_remove", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Put it away; what it launched stays."""
        services.schedule_remove(actor=self.actor, schedule_id=pk)
        return Response(status=204)


class ScheduleRunsView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="schedule_runs", responses={200: ScheduleRunRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Each time that it ran, was left out or failed, newest first."""
        return self.page(selectors.run_list(selectors.schedule_get(self.actor, pk)), ScheduleRunRow)


class SchedulePauseView(ApiView):
    @extend_schema(operation_id="schedule_pause", request=None, responses={200: ScheduleRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let nothing begin until it is resumed."""
        return Response(ScheduleRow(services.schedule_pause(actor=self.actor, schedule_id=pk)).data)


class ScheduleResumeView(ApiView):
    @extend_schema(operation_id="schedule_resume", request=None, responses={200: ScheduleRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let it go on; what was missed is treated by its rule."""
        return Response(ScheduleRow(services.schedule_resume(actor=self.actor, schedule_id=pk)).data)


class ScheduleTakeView(ApiView):
    @extend_schema(operation_id="schedule_take", request=None, responses={200: ScheduleRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Run it in your name from now on; one that was stopped goes on."""
        return Response(ScheduleRow(services.schedule_take(actor=self.actor, schedule_id=pk)).data)


class ScheduleStartView(ApiView):
    @extend_schema(operation_id="schedule_start", request=None, responses={201: ScheduleRunRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Run it once now, in its owner's name."""
        run = services.schedule_now(actor=self.actor, schedule_id=pk)
        return Response(ScheduleRunRow(run).data, status=201)
