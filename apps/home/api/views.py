"""Use of the store, and looking before bytes are removed, for scripts."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from apps.core.api.idempotency import idempotent
from apps.core.api.permissions import IsKnownActor
from apps.core.api.views import ApiView
from apps.core.policies import require, who_can
from apps.experiments import services as experiments
from apps.home.api.serializers import HealthDetail, PurgeInput, PurgePreviewDetail, UseOfTeam
from apps.home.document import document_drawn
from apps.home.health.facts import health_collect
from apps.home.health.policies import require_health_see
from apps.home.storage import policies, previews, selectors, services
from apps.jobs import services as jobs


def _shown(serializer: type[Serializer[Any]], value: Any, **options: Any) -> Response:
    return Response(serializer(value, **options).data)


class SchemaView(SpectacularAPIView):
    permission_classes = [IsKnownActor]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """The OpenAPI document, as YAML or JSON by what is accepted."""
        renderer: Any = request.accepted_renderer
        told = {"Content-Disposition": f'inline; filename="Fairway.{renderer.format}"'}
        kind = f"{renderer.media_type}; charset=utf-8"
        drawn = document_drawn(type(renderer))  # type: ignore[arg-type]
        return HttpResponse(drawn, content_type=kind, headers=told)


class HealthView(ApiView):
    @extend_schema(operation_id="health_get", responses={200: HealthDetail})
    def get(self, request: Request) -> Response:
        """How every part of the installation is, the verdict first; for who manages targets of the site."""
        require_health_see(self.actor)
        return _shown(HealthDetail, health_collect().to_json())


class WorkerDrainView(ApiView):
    @extend_schema(operation_id="worker_drain", request=None, responses={204: None})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Have a worker finish what it holds and take nothing new."""
        jobs.worker_drain(actor=self.actor, worker_id=pk)
        return Response(status=204)


class WorkerResumeView(ApiView):
    @extend_schema(operation_id="worker_resume", request=None, responses={204: None})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Have a drained worker take jobs again."""
        jobs.worker_resume(actor=self.actor, worker_id=pk)
        return Response(status=204)


class StorageUseView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="storage_use", responses={200: UseOfTeam(many=True)})
    def get(self, request: Request) -> Response:
        """What your teams hold on the disk, by kind; for administrators and operators."""
        require(policies.may_see_use(self.actor), f"This is for {who_can('target.manage')} of a team.")
        return _shown(UseOfTeam, selectors.use_by_team(self.actor), many=True)


class StorageCheckView(ApiView):
    @extend_schema(operation_id="storage_check", request=None, responses={202: None})
    def post(self, request: Request) -> Response:
        """Have every stored file hashed again by the worker; faults are told to administrators."""
        services.store_check_request(actor=self.actor)
        return Response(status=202)


class DatasetVersionPurgePreviewView(ApiView):
    @extend_schema(operation_id="dataset_version_purge_preview", responses={200: PurgePreviewDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What removing the bytes of a dataset version would mean."""
        return _shown(PurgePreviewDetail, previews.data_preview(self.actor, pk))


class RunPurgeView(ApiView):
    @extend_schema(operation_id="run_purge_preview", responses={200: PurgePreviewDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What removing the files of a run would mean."""
        return _shown(PurgePreviewDetail, previews.run_preview(self.actor, pk))

    @extend_schema(operation_id="run_purge", request=PurgeInput, responses={200: PurgePreviewDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove the files of a run; the record of paths and hashes stays."""
        experiments.run_purge(actor=self.actor, run_id=pk, **self.input(PurgeInput))
        return _shown(PurgePreviewDetail, previews.run_preview(self.actor, pk))
