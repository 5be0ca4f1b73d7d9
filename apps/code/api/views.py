"""Code and environments for scripts and services."""

from __future__ import annotations

import uuid

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.code import policies, selectors, services
from apps.code.api import serializers as s
from apps.code.api.parsers import Body, BodyParser
from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.core.files import file_response


class BundleListView(ApiView):
    pagination_class = KeyPagination
    parser_classes = [BodyParser]

    @extend_schema(operation_id="code_list", parameters=[s.ListQuery], responses={200: s.BundleRow(many=True)})
    def get(self, request: Request) -> Response:
        """Code that you may see, newest first."""
        query = self.query(s.ListQuery)
        return self.page(selectors.bundle_list(self.actor, team_id=query["team"]), s.BundleRow)

    @extend_schema(
        operation_id="code_store",
        parameters=[s.StoreQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: s.BundleDetail, 200: s.BundleDetail},
    )
    def post(self, request: Request) -> Response:
        """Store a script, zip, wheel or notebook; the body is its bytes. The same bytes are the bundle that stands."""
        query = self.query(s.StoreQuery)
        policies.require_code_store(self.actor, query["team_id"])
        body = request.data
        chunks = body.chunks() if isinstance(body, Body) else ()
        bundle, new = services.bundle_store(actor=self.actor, chunks=chunks, **query)
        return Response(s.BundleDetail(bundle).data, status=201 if new else 200)


class BundleFetchView(ApiView):
    @extend_schema(operation_id="code_fetch", request=s.CodeFetchInput, responses={201: s.BundleDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """Have a job fetch one git commit; `job_id` is that job, `state` READY once it has ended well."""
        bundle = services.bundle_fetch(actor=self.actor, **self.input(s.CodeFetchInput))
        return Response(s.BundleDetail(bundle).data, status=201)


class BundleView(ApiView):
    @extend_schema(operation_id="code_get", responses={200: s.BundleDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One bundle with its files, entries and their parameters."""
        return Response(s.BundleDetail(selectors.bundle_get(self.actor, pk)).data)


class BundleFileView(ApiView):
    @extend_schema(
        operation_id="code_file", responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)}
    )
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """The bytes as they were sent."""
        bundle = selectors.bundle_get(self.actor, pk)
        if not bundle.sha256:
            raise NotFound(f"{bundle} has no bytes yet: it is {bundle.get_state_display()}.")
        return file_response(sha256=bundle.sha256, size=bundle.size, name=bundle.filename)


class BundleArchiveView(ApiView):
    @extend_schema(operation_id="code_archive", request=None, responses={200: s.BundleDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Put it out of the lists; what ran it keeps it."""
        return Response(s.BundleDetail(services.bundle_archive(actor=self.actor, bundle_id=pk)).data)


class BundleRestoreView(ApiView):
    @extend_schema(operation_id="code_restore", request=None, responses={200: s.BundleDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Bring it back into the lists."""
        bundle = services.bundle_archive(actor=self.actor, bundle_id=pk, archived=False)
        return Response(s.BundleDetail(bundle).data)


class EnvironmentListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(
        operation_id="environment_list", parameters=[s.ListQuery], responses={200: s.EnvironmentRow(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Environments that you may see, newest first."""
        query = self.query(s.ListQuery)
        return self.page(selectors.environment_list(self.actor, team_id=query["team"]), s.EnvironmentRow)

    @extend_schema(operation_id="environment_require", request=s.EnvironmentInput, responses={201: s.EnvironmentDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """The environment of a lockfile with hashes, built when it is not there. The same lock is the same one."""
        environment = services.environment_order(actor=self.actor, **self.input(s.EnvironmentInput))
        return Response(s.EnvironmentDetail(environment).data, status=201)


class EnvironmentView(ApiView):
    @extend_schema(operation_id="environment_get", responses={200: s.EnvironmentDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One environment; `job_id` is the job that built it, or does."""
        return Response(s.EnvironmentDetail(selectors.environment_get(self.actor, pk)).data)


class EnvironmentBuildView(ApiView):
    @extend_schema(operation_id="environment_build", request=None, responses={200: s.EnvironmentDetail})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Build one that failed or was removed again."""
        environment = services.environment_build(actor=self.actor, environment_id=pk)
        return Response(s.EnvironmentDetail(environment).data)


class EnvironmentDeleteView(ApiView):
    @extend_schema(operation_id="environment_delete_preview", responses={200: s.EnvironmentRemoval})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What removing would free, and what keeps it."""
        return Response(s.EnvironmentRemoval(selectors.removal_preview(self.actor, pk)).data)

    @extend_schema(operation_id="environment_delete", request=s.EnvironmentRemove, responses={200: s.EnvironmentDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove its packages; its lock stays and can be built again."""
        environment = services.environment_delete(
            actor=self.actor, environment_id=pk, **self.input(s.EnvironmentRemove)
        )
        return Response(s.EnvironmentDetail(environment).data)
