"""Jobs for scripts and services."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.jobs import selectors, services
from apps.jobs.api.serializers import (
    CancelInput,
    EventPage,
    JobDetail,
    JobRow,
    LogPage,
    PriorityInput,
)
from apps.jobs.contracts import FINAL_STATES
from apps.jobs.logs import ALL, AT_LEAST
from apps.jobs.models import Job

PAGE_LINES = 1000


class ListQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Job.State.choices, required=False, default="")
    kind = serializers.CharField(max_length=20, required=False, default="")
    problem = serializers.UUIDField(required=False, default=None)
    team = serializers.UUIDField(required=False, default=None)


class AfterQuery(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, max_value=2**62, required=False, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=PAGE_LINES, required=False, default=PAGE_LINES)


class JobListView(ApiView):
    # Read by the schema: the answer is a page of the rows named below.
    pagination_class = KeyPagination

    @extend_schema(operation_id="job_list", parameters=[ListQuery], responses={200: JobRow(many=True)})
    def get(self, request: Request) -> Response:
        """Jobs that you may see, newest first."""
        query = self.query(ListQuery)
        rows = selectors.job_list(
            self.actor,
            team_id=query["team"],
            state=query["state"],
            kind=query["kind"],
            problem_id=query["problem"],
        )
        return self.page(rows, JobRow)


class JobView(ApiView):
    @extend_schema(operation_id="job_get", responses={200: JobDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One job with its attempts."""
        return Response(JobDetail(selectors.job_get(self.actor, pk)).data)


class LogQuery(AfterQuery):
    level = serializers.ChoiceField([*AT_LEAST], required=False, help_text="Only lines that are at least this bad.")
    find = serializers.CharField(
        required=False, max_length=200, help_text="Only lines that contain this text, case ignored."
    )


class JobLogView(ApiView):
    @extend_schema(operation_id="job_log", parameters=[LogQuery], responses={200: LogPage})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Log lines after a line number, oldest first; all of them, or those of a level or with a text."""
        query = self.query(LogQuery)
        job = selectors.job_get(self.actor, pk)
        levels, limit = AT_LEAST.get(query.get("level", ""), ALL), query["limit"]
        found = selectors.log_lines(job, after=query["after"], limit=limit, levels=levels, text=query.get("find", ""))
        lines = list(found)
        page = {
            "lines": lines,
            # With fewer lines than were asked for, all were looked at.
            "next": lines[-1].number if len(lines) == limit else max(job.line_count, query["after"]),
            "line_count": job.line_count,
            "ended": job.state in FINAL_STATES,
            "removed_at": job.log_removed_at,
        }
        return Response(LogPage(page).data)


class TextRenderer(JSONRenderer):
    """Lets a client ask for text/plain: the log streams by itself, what is rendered here are errors, as JSON."""

    media_type = "text/plain"
    format = "txt"


class JobLogTextView(ApiView):
    renderer_classes = [JSONRenderer, TextRenderer]

    @extend_schema(operation_id="job_log_text", responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR)})
    def get(self, request: Request, pk: uuid.UUID) -> StreamingHttpResponse:
        """The whole log as a text file."""
        return log_download(selectors.job_get(self.actor, pk))


def log_download(job: Job) -> StreamingHttpResponse:
    """The log of a job as a streamed text file."""

    def text() -> Iterator[bytes]:
        if job.log_removed_at is not None:
            yield f"# {job.line_count} lines were removed on {job.log_removed_at:%Y-%m-%d}\n".encode()
        attempt = 0
        for line in selectors.log_lines(job):
            if line.attempt != attempt:
                attempt = line.attempt
                yield f"# attempt {attempt}\n".encode()
            yield f"{line.number}\t{line.at:.3f}\t{line.text}\n".encode()

    response = StreamingHttpResponse(text(), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="job-{job.number}.log"'
    return response


class JobEventsView(ApiView):
    @extend_schema(operation_id="job_events", parameters=[AfterQuery], responses={200: EventPage})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """State changes, progress and resource readings after a seq, oldest first."""
        query = self.query(AfterQuery)
        job = selectors.job_get(self.actor, pk)
        events = list(selectors.event_list(job, after=query["after"])[: query["limit"]])
        return Response(EventPage({"events": events, "next": events[-1].seq if events else query["after"]}).data)


class JobCancelView(ApiView):
    @extend_schema(operation_id="job_cancel", request=CancelInput, responses={200: JobDetail})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Ask for the end of a job; its process tree is ended by its worker."""
        job = services.job_cancel(actor=self.actor, job_id=pk, reason=self.input(CancelInput)["reason"])
        return Response(JobDetail(job).data)


class JobPriorityView(ApiView):
    @extend_schema(operation_id="job_prioritise", request=PriorityInput, responses={200: JobDetail})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Give a job that has not started another priority."""
        job = services.job_prioritise(actor=self.actor, job_id=pk, **self.input(PriorityInput))
        return Response(JobDetail(job).data)


class JobResumeView(ApiView):
    @extend_schema(operation_id="job_resume", request=None, responses={201: JobDetail})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Queue a new job like an ended one that goes on from the newest checkpoint of that."""
        return Response(JobDetail(services.job_retry(actor=self.actor, job_id=pk, resume=True)).data, status=201)


class JobRetryView(ApiView):
    @extend_schema(operation_id="job_retry", request=None, responses={201: JobDetail})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Queue a new job with the same spec as an ended one."""
        return Response(JobDetail(services.job_retry(actor=self.actor, job_id=pk)).data, status=201)
