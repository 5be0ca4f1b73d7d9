"""JSON views of compute targets."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compute import policies, selectors, services
from apps.compute.api.serializers import DrainInput, TargetDetail, TargetInput, TargetPatch, TargetRow, TestRow
from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView

_PAGE = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
]


class TargetsView(ApiView):
    @extend_schema(operation_id="compute_target_list", parameters=_PAGE, responses=TargetRow(many=True))
    def get(self, request: Request) -> Response:
        """Compute targets that your teams may use; all for who manages them."""
        return self.page(selectors.target_list(self.actor), TargetRow)

    @extend_schema(operation_id="compute_target_create", request=TargetInput, responses={201: TargetDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a compute target; it takes jobs once a test has passed."""
        target = services.target_create(actor=self.actor, **self.input(TargetInput))
        return Response(TargetDetail(target).data, status=201)


class TargetView(ApiView):
    @extend_schema(operation_id="compute_target_get", responses=TargetDetail)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """A compute target, for who manages it."""
        target = selectors.target_get(self.actor, pk)
        policies.require_targets_manage(self.actor)
        return Response(TargetDetail(target).data)

    @extend_schema(operation_id="compute_target_update", request=TargetPatch, responses=TargetDetail)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what is given; another address or secret has to be tested again."""
        target = services.target_update(actor=self.actor, target_id=pk, **self.input(TargetPatch))
        return Response(TargetDetail(target).data)

    @extend_schema(operation_id="compute_target_remove", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a drained target that has no jobs; its secret is deleted."""
        services.target_remove(actor=self.actor, target_id=pk)
        return Response(status=204)


class TargetTestView(ApiView):
    @extend_schema(operation_id="compute_target_test", request=None, responses={202: TestRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Begin a test: a real tiny job, step by step."""
        return Response(TestRow(services.target_test(actor=self.actor, target_id=pk)).data, status=202)


class TargetDrainView(ApiView):
    @extend_schema(operation_id="compute_target_drain", request=DrainInput, responses=TargetDetail)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let running jobs end and take no new one."""
        reason = self.input(DrainInput)["reason"]
        return Response(TargetDetail(services.target_drain(actor=self.actor, target_id=pk, reason=reason)).data)


class TargetResumeView(ApiView):
    @extend_schema(operation_id="compute_target_resume", request=None, responses=TargetDetail)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Take jobs again."""
        return Response(TargetDetail(services.target_resume(actor=self.actor, target_id=pk)).data)


class TestView(ApiView):
    @extend_schema(operation_id="compute_test_get", responses=TestRow)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """A test with its steps, for who manages targets."""
        test = selectors.test_get(self.actor, pk)
        policies.require_targets_manage(self.actor)
        return Response(TestRow(test).data)
