"""Deployments for scripts and services."""

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
from apps.deployments import selectors, services
from apps.deployments.api.serializers import (
    DeploymentDetail,
    DeploymentRow,
    MaskInput,
    PredictionRow,
    RolloutRow,
    SplitRow,
    StartInput,
    SwitchInput,
    TrafficRow,
)

ROLLOUTS = 100


class DeploymentQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)


class DeploymentListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(
        operation_id="deployment_list", parameters=[DeploymentQuery], responses={200: DeploymentRow(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Deployments that you may see, newest first."""
        query = self.query(DeploymentQuery)
        rows = selectors.deployment_list(self.actor, team_id=query["team"], problem_id=query["problem"])
        return self.page(rows, DeploymentRow)

    @extend_schema(operation_id="deployment_start", request=StartInput, responses={201: RolloutRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Start again what an approved request allows."""
        rollout = services.deployment_request(actor=self.actor, **self.input(StartInput))
        return Response(RolloutRow(rollout).data, status=201)


def _detail(view: ApiView, pk: uuid.UUID) -> Any:
    deployment = selectors.deployment_get(view.actor, pk)
    return DeploymentDetail(deployment, context={"rollouts": selectors.rollout_list(deployment)[:ROLLOUTS]}).data


class DeploymentView(ApiView):
    @extend_schema(operation_id="deployment_get", responses={200: DeploymentDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One deployment with its newest rollouts."""
        return Response(_detail(self, pk))


class SplitListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="deployment_splits", responses={200: SplitRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Who answered since when, newest first."""
        deployment = selectors.deployment_get(self.actor, pk)
        return self.page(deployment.splits.all(), SplitRow)


class TrafficView(ApiView):
    @extend_schema(operation_id="deployment_traffic", responses={200: TrafficRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Volume, errors and latency of the last 24 hours."""
        return Response(TrafficRow(selectors.traffic_of(selectors.deployment_get(self.actor, pk))).data)


class PredictionListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="deployment_predictions", responses={200: PredictionRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Predictions of the last 24 hours, newest first."""
        rows = selectors.prediction_list(selectors.deployment_get(self.actor, pk))
        return self.page(rows, PredictionRow, ordering=("-at", "-id"))


class _SwitchView(ApiView):
    """A switch that needs a reason and answers with the deployment."""

    def switch(self, pk: uuid.UUID, service: Any) -> Response:
        data = self.input(SwitchInput)
        selectors.deployment_get(self.actor, pk)
        service(actor=self.actor, deployment_id=pk, reason=data["reason"])
        return Response(_detail(self, pk))


class RollbackView(_SwitchView):
    @extend_schema(operation_id="deployment_rollback", request=SwitchInput, responses={200: DeploymentDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Give all traffic back to the version before."""
        return self.switch(pk, services.deployment_rollback)


class KillView(_SwitchView):
    @extend_schema(operation_id="deployment_kill", request=SwitchInput, responses={200: DeploymentDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End the live version's traffic at once."""
        return self.switch(pk, services.deployment_kill)


class PauseView(_SwitchView):
    @extend_schema(operation_id="deployment_pause", request=SwitchInput, responses={200: DeploymentDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let nobody answer until it is resumed."""
        return self.switch(pk, services.deployment_pause)


class ResumeView(_SwitchView):
    @extend_schema(operation_id="deployment_resume", request=SwitchInput, responses={200: DeploymentDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Put the version that was live last back."""
        return self.switch(pk, services.deployment_resume)


class RetireView(_SwitchView):
    @extend_schema(operation_id="deployment_retire", request=SwitchInput, responses={200: DeploymentDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End a deployment for good."""
        return self.switch(pk, services.deployment_retire)


class MaskView(ApiView):
    @extend_schema(operation_id="deployment_mask", request=MaskInput, responses={200: DeploymentRow})
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Name the inputs that are never stored."""
        selectors.deployment_get(self.actor, pk)
        deployment = services.mask_save(actor=self.actor, deployment_id=pk, **self.input(MaskInput))
        return Response(DeploymentRow(deployment).data)
