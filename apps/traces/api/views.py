"""JSON views of traces; they are sent by MLflow's calls and OpenTelemetry's."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.traces import selectors, services
from apps.traces.api.serializers import AssessmentInput, AssessmentRow, SpanRow, TraceDetail, TraceRow
from apps.traces.contracts import AssessmentDraft

_PAGE = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
]


class TraceQuery(serializers.Serializer[Any]):
    experiment = serializers.UUIDField(required=False, default=None)
    run = serializers.UUIDField(required=False, default=None)


class TraceListView(ApiView):
    @extend_schema(operation_id="trace_list", parameters=[TraceQuery, *_PAGE], responses=TraceRow(many=True))
    def get(self, request: Request) -> Response:
        """Traces that you may see, those that came last first."""
        query = self.query(TraceQuery)
        rows = selectors.trace_list(self.actor, experiment_id=query["experiment"], run_id=query["run"])
        return self.page(rows, TraceRow)


class TraceView(ApiView):
    @extend_schema(operation_id="trace_get", responses={200: TraceDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One trace with its assessments."""
        return Response(TraceDetail(selectors.trace_by_id(self.actor, pk)).data)


class SpanListView(ApiView):
    @extend_schema(operation_id="trace_span_list", parameters=_PAGE, responses=SpanRow(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The spans of a trace, in the order in which they came first."""
        return self.page(selectors.span_list(selectors.trace_by_id(self.actor, pk)), SpanRow, ordering="id")


class AssessmentListView(ApiView):
    @extend_schema(operation_id="trace_assess", request=AssessmentInput, responses={201: AssessmentRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Judge a trace or one of its spans."""
        data = self.input(AssessmentInput)
        draft = AssessmentDraft(**data, source_type="HUMAN", source_id=self.actor.label[:250])
        made = services.assessment_create(actor=self.actor, trace_id=pk, draft=draft)
        return Response(AssessmentRow(made).data, status=201)
