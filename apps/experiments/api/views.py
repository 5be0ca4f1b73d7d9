"""Experiments and runs for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.core.errors import Invalid, NotFound
from apps.core.files import file_response
from apps.experiments import selectors, services
from apps.experiments.api.serializers import (
    ArtifactRow,
    Comparison,
    ExperimentChange,
    ExperimentInput,
    ExperimentRow,
    MetricHistory,
    RunChange,
    RunDetail,
    RunRow,
)
from apps.experiments.services.measurements import plain_number

COMPARE_LIMIT = 200


class ExperimentQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    archived = serializers.BooleanField(required=False, default=False)


class RunQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    experiment = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    archived = serializers.BooleanField(required=False, default=False)


class ExperimentListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(
        operation_id="experiment_list", parameters=[ExperimentQuery], responses={200: ExperimentRow(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Experiments that you may see, newest first."""
        query = self.query(ExperimentQuery)
        rows = selectors.experiment_list(
            self.actor, team_id=query["team"], problem_id=query["problem"], archived=query["archived"]
        )
        return self.page(rows, ExperimentRow)

    @extend_schema(operation_id="experiment_create", request=ExperimentInput, responses={201: ExperimentRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Open an experiment."""
        data = self.input(ExperimentInput)
        return Response(ExperimentRow(services.experiment_create(actor=self.actor, **data)).data, status=201)


class ExperimentView(ApiView):
    @extend_schema(operation_id="experiment_get", responses={200: ExperimentRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One experiment."""
        return Response(ExperimentRow(selectors.experiment_get(self.actor, pk)).data)

    @extend_schema(operation_id="experiment_update", request=ExperimentChange, responses={200: ExperimentRow})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change name, hypothesis, conclusion or problem; archive or bring back."""
        data = self.input(ExperimentChange)
        archived = data.pop("archived", None)
        experiment = selectors.experiment_get(self.actor, pk)
        if data:
            experiment = services.experiment_update(actor=self.actor, experiment_id=pk, **data)
        if archived is not None:
            experiment = services.experiment_archive(actor=self.actor, experiment_id=pk, archived=archived)
        return Response(ExperimentRow(experiment).data)


class RunListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="run_list", parameters=[RunQuery], responses={200: RunRow(many=True)})
    def get(self, request: Request) -> Response:
        """Runs that you may see, newest first."""
        query = self.query(RunQuery)
        rows = selectors.run_list(
            self.actor,
            team_id=query["team"],
            experiment_id=query["experiment"],
            problem_id=query["problem"],
            deleted=query["archived"],
        )
        return self.page(rows, RunRow)


class RunView(ApiView):
    @extend_schema(operation_id="run_get", responses={200: RunDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One run with what it needs to be made again."""
        return Response(RunDetail(selectors.run_get(self.actor, pk)).data)

    @extend_schema(operation_id="run_update", request=RunChange, responses={200: RunDetail})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change notes or tags (also of a sealed run); archive or bring back."""
        data = self.input(RunChange)
        selectors.run_get(self.actor, pk)
        if "notes" in data:
            services.run_notes_save(actor=self.actor, run_id=pk, notes=data["notes"])
        if data.get("tags"):
            services.tags_set(actor=self.actor, run_id=pk, tags=data["tags"])
        if "archived" in data:
            services.run_archive(actor=self.actor, run_id=pk, archived=data["archived"])
        return Response(RunDetail(selectors.run_get(self.actor, pk)).data)


class RunMetricView(ApiView):
    @extend_schema(operation_id="run_metric_history", responses={200: MetricHistory})
    def get(self, request: Request, pk: uuid.UUID, key: str) -> Response:
        """All measurements of one key, by step."""
        run = selectors.run_get(self.actor, pk)
        rows = selectors.metric_history(run, key)
        if not rows:
            raise NotFound(f"The run has no metric “{key}”.")
        history = [{"step": m.step, "timestamp": m.timestamp, "value": plain_number(m.value)} for m in rows]
        return Response({"key": key, "history": history})


class RunArtifactListView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="run_artifact_list", responses={200: ArtifactRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Files of a run, by path."""
        run = selectors.run_get(self.actor, pk)
        return Response(ArtifactRow(selectors.artifact_list(run_id=run.pk), many=True).data)


class RunArtifactView(ApiView):
    @extend_schema(
        operation_id="run_artifact_get",
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, pk: uuid.UUID, path: str) -> Any:
        """The bytes of a file, always as an attachment."""
        run = selectors.run_get(self.actor, pk)
        artifact = selectors.artifact_find(path, run_id=run.pk)
        return file_response(sha256=artifact.sha256, size=artifact.size, name=artifact.path)


class RunCompareView(ApiView):
    @extend_schema(
        operation_id="run_compare",
        parameters=[OpenApiParameter("run", OpenApiTypes.UUID, many=True, required=True)],
        responses={200: Comparison},
    )
    def get(self, request: Request) -> Response:
        """Two or more runs side by side: params that differ, metrics with the difference to the first."""
        try:
            ids = list(dict.fromkeys(uuid.UUID(value) for value in request.query_params.getlist("run")))
        except ValueError as error:
            raise Invalid.field("run", "Give run ids.") from error
        if not 2 <= len(ids) <= COMPARE_LIMIT:
            raise Invalid.field("run", f"Give 2 to {COMPARE_LIMIT} different runs.")
        return Response(Comparison(selectors.run_compare(self.actor, ids)).data)
