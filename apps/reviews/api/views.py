"""Requests and decisions for scripts and services; the same services as the pages, so no rule is skipped."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.reviews import selectors, services
from apps.reviews.api.serializers import (
    DecisionInput,
    DecisionRow,
    MessageInput,
    MessageRow,
    OptionalReasonInput,
    ReasonInput,
    RequestDetail,
    RequestInput,
    RequestRow,
)
from apps.reviews.models import ApprovalRequest


class RequestQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    version = serializers.UUIDField(required=False, default=None)
    state = serializers.ChoiceField(choices=ApprovalRequest.State.choices, required=False, default="")


class RequestListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="request_list", parameters=[RequestQuery], responses={200: RequestRow(many=True)})
    def get(self, request: Request) -> Response:
        """Requests for approval that you may see, newest first."""
        query = self.query(RequestQuery)
        rows = selectors.request_list(
            self.actor, team_id=query["team"], problem_id=query["problem"], model_version_id=query["version"]
        )
        if query["state"]:
            rows = rows.filter(state=query["state"])
        return self.page(rows, RequestRow)

    @extend_schema(operation_id="request_send", request=RequestInput, responses={201: RequestRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask for a version to go live; 409 lists everything that is missing."""
        made = services.approval_request(actor=self.actor, **self.input(RequestInput))
        return Response(RequestRow(made).data, status=201)


class RequestView(ApiView):
    @extend_schema(operation_id="request_get", responses={200: RequestDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One request with its evidence, votes and messages."""
        return Response(RequestDetail(selectors.request_get(self.actor, pk)).data)


class DecisionView(ApiView):
    @extend_schema(operation_id="request_decide", request=DecisionInput, responses={201: DecisionRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Approve or refuse. Who trained, registered or asked may not.

        409 when the evidence has changed (`stale`) or the due moment has passed (`expired`): it has to be asked again.
        """
        selectors.request_get(self.actor, pk)
        decision = services.review_decide(actor=self.actor, request_id=pk, **self.input(DecisionInput))
        return Response(DecisionRow(decision).data, status=201)


class RequestRenewView(ApiView):
    @extend_schema(operation_id="request_renew", request=None, responses={201: RequestRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Ask again for what is stale or has expired, on today's evidence; 409 when nothing is to be renewed."""
        return Response(RequestRow(services.request_renew(actor=self.actor, request_id=pk)).data, status=201)


class RequestWithdrawView(ApiView):
    @extend_schema(operation_id="request_withdraw", request=OptionalReasonInput, responses={200: RequestRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Take your own open request back."""
        data = self.input(OptionalReasonInput)
        return Response(RequestRow(services.request_withdraw(actor=self.actor, request_id=pk, **data)).data)


class ApprovalWithdrawView(ApiView):
    @extend_schema(operation_id="approval_withdraw", request=ReasonInput, responses={201: DecisionRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Take a given approval back; the version is refused at the serving door within a second."""
        data = self.input(ReasonInput)
        decision = services.approval_withdraw(actor=self.actor, request_id=pk, reason=data["reason"])
        return Response(DecisionRow(decision).data, status=201)


class MessageView(ApiView):
    @extend_schema(operation_id="request_message_add", request=MessageInput, responses={201: MessageRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Ask or answer on a request."""
        data = self.input(MessageInput)
        message = services.message_add(actor=self.actor, request_id=pk, text=data["text"])
        return Response(MessageRow(message).data, status=201)
