"""Queues and forecasts for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compute import selectors as compute
from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.jobs import selectors, services
from apps.jobs.contracts import PRIORITIES


class QueueStanding(serializers.Serializer[Any]):
    """Where a job stands; all null for one that does not wait. `why`: why it waits, in one sentence."""

    position = serializers.IntegerField(allow_null=True, help_text="From 1; null when it is not among the first.")
    waiting = serializers.IntegerField(help_text="Jobs that wait in the queue of its target.")
    start = serializers.DateTimeField(allow_null=True, help_text="When it is expected to start; null: not known.")
    why = serializers.CharField()


class SpreadRow(serializers.Serializer[Any]):
    """Median, and both ends of the 80 % interval when `stated`, else of what fewer than nine jobs had."""

    low = serializers.FloatField()
    mid = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    stated = serializers.BooleanField()


class ForecastQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField()
    signature = serializers.CharField(
        max_length=200, help_text="What is done: recipe:NAME, code:BUNDLE:ENTRY, or a kind such as evaluate."
    )
    kind = serializers.CharField(max_length=20, required=False, default="train")
    size = serializers.IntegerField(
        min_value=0, max_value=2**60, required=False, default=None, help_text="Bytes of input; left out: any."
    )
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False, default="normal")


class ForecastRow(serializers.Serializer[Any]):
    """What a launch now would meet on one target: times in seconds, memory in bytes, cost in the minor unit."""

    target_id = serializers.UUIDField(source="target.pk")
    target = serializers.CharField(source="target.name")
    position = serializers.IntegerField(allow_null=True)
    waiting = serializers.IntegerField()
    starts_in = serializers.FloatField(allow_null=True)
    ends_in = serializers.FloatField(allow_null=True)
    wait = SpreadRow(source="forecast.wait", allow_null=True)
    run = SpreadRow(source="forecast.run", allow_null=True)
    memory = SpreadRow(source="forecast.memory", allow_null=True)
    cost = SpreadRow(source="forecast.cost", allow_null=True)
    currency = serializers.CharField(source="forecast.currency")
    basis = serializers.CharField(source="forecast.basis")


class JobQueueView(ApiView):
    @extend_schema(operation_id="job_queue", responses={200: QueueStanding})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Where a waiting job stands, when it is expected to start, and why it waits."""
        job = selectors.job_get(self.actor, pk)
        found = selectors.standing_of(job) or selectors.Standing(None, 0, None, "")
        return Response(QueueStanding(found).data)


class ForecastView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="forecast", parameters=[ForecastQuery], responses={200: ForecastRow(many=True)})
    def get(self, request: Request) -> Response:
        """What a launch now would wait, take, need and cost on each target that the team may use."""
        asked = self.query(ForecastQuery)
        choices = selectors.forecast_choices(
            self.actor,
            team_id=asked["team"],
            kind=asked["kind"],
            signature=asked["signature"],
            size=asked["size"],
            priority=asked["priority"],
        )
        return Response(ForecastRow(choices, many=True).data)


class QueueRow(serializers.Serializer[Any]):
    """A target and how much of it is in use."""

    target_id = serializers.UUIDField(source="target.pk")
    target = serializers.CharField(source="target.name")
    state = serializers.CharField(source="target.state")
    running = serializers.IntegerField(source="use.running")
    waiting = serializers.IntegerField(source="use.waiting")


class BoardJobRow(serializers.Serializer[Any]):
    """A job on the board; `job_id`, `number` and `title` are null for one of a team that you do not see.

    `moment`: when it is expected to end (running) or to start (waiting); null: not known.
    """

    job_id = serializers.UUIDField(source="job.pk", allow_null=True, default=None)
    number = serializers.IntegerField(source="job.number", allow_null=True, default=None)
    title = serializers.CharField(source="job.title", allow_null=True, default=None)
    team = serializers.CharField()
    priority = serializers.CharField()
    position = serializers.IntegerField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    moment = serializers.DateTimeField(allow_null=True)


class ShareOfTeam(serializers.Serializer[Any]):
    team = serializers.CharField()
    share = serializers.FloatField(help_text="Of the CPU time used lately, from 0 to 1.")
    weight = serializers.FloatField()
    running = serializers.IntegerField()
    waiting = serializers.IntegerField()


class QueueDetail(serializers.Serializer[Any]):
    """The queue of a target; `waiting_jobs` are its first ones in the order in which they start."""

    target_id = serializers.UUIDField(source="target.pk")
    target = serializers.CharField(source="target.name")
    standing = serializers.CharField(help_text="Why it takes no job now; empty when it does.")
    places = serializers.IntegerField(source="line.places")
    running = serializers.IntegerField(source="line.running")
    waiting = serializers.IntegerField(source="line.waiting")
    running_jobs = BoardJobRow(source="running", many=True)
    waiting_jobs = BoardJobRow(source="waiting", many=True)
    shares = ShareOfTeam(many=True)


class BoardQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None, help_text="Jobs of this team alone.")


class CancelManyInput(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=services.CANCEL_MOST)
    reason = serializers.CharField(max_length=300, allow_blank=True, required=False, default="")
    preview = serializers.BooleanField(
        required=False, default=False, help_text="Only say what would happen to each; nothing is cancelled."
    )


class CancelFateRow(serializers.Serializer[Any]):
    """What happens to a job, or why it stays as it is; the other of the two is empty."""

    job_id = serializers.UUIDField(source="job.pk")
    number = serializers.IntegerField(source="job.number")
    state = serializers.CharField(source="job.state")
    happens = serializers.CharField()
    refused = serializers.CharField()


class QueueListView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="queue_list", responses={200: QueueRow(many=True)})
    def get(self, request: Request) -> Response:
        """The targets that you may use, with how many jobs run and wait on each."""
        return Response(QueueRow(selectors.queue_list(self.actor), many=True).data)


class QueueView(ApiView):
    @extend_schema(operation_id="queue_get", parameters=[BoardQuery], responses={200: QueueDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What runs on a target, what waits in which order, and how teams share it."""
        target = compute.target_get(self.actor, pk)
        board = selectors.board_of(self.actor, target, team_id=self.query(BoardQuery)["team"])
        return Response(QueueDetail(board).data)


class JobsCancelView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="jobs_cancel", request=CancelManyInput, responses={200: CancelFateRow(many=True)})
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask for the end of several jobs, or with `preview` only ask what would happen to each."""
        asked = self.input(CancelManyInput)
        if asked["preview"]:
            fates = services.cancel_preview(actor=self.actor, job_ids=asked["ids"])
        else:
            fates = services.jobs_cancel(actor=self.actor, job_ids=asked["ids"], reason=asked["reason"])
        return Response(CancelFateRow(fates, many=True).data)
