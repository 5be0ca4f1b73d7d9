"""Models and versions for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.core.files import file_response
from apps.registry import selectors, services
from apps.registry.api.serializers import (
    AliasInput,
    AliasRow,
    ModelChange,
    ModelRow,
    QuarantineInput,
    VersionChange,
    VersionDetail,
    VersionInput,
    VersionRow,
)


class ModelQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    archived = serializers.BooleanField(required=False, default=False)


class ModelListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="model_list", parameters=[ModelQuery], responses={200: ModelRow(many=True)})
    def get(self, request: Request) -> Response:
        """Models that you may see, newest first."""
        query = self.query(ModelQuery)
        rows = selectors.model_list(
            self.actor, team_id=query["team"], problem_id=query["problem"], archived=query["archived"]
        )
        return self.page(rows, ModelRow)


class ModelView(ApiView):
    @extend_schema(operation_id="model_get", responses={200: ModelRow})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One model."""
        return Response(ModelRow(selectors.model_get(self.actor, pk)).data)

    @extend_schema(operation_id="model_update", request=ModelChange, responses={200: ModelRow})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the description; attach to a problem, once; archive or bring back."""
        data = self.input(ModelChange)
        model = selectors.model_get(self.actor, pk)
        if "description" in data:
            model = services.model_update(actor=self.actor, model_id=pk, description=data["description"])
        if "problem_id" in data:
            model = services.model_attach(actor=self.actor, model_id=pk, problem_id=data["problem_id"])
        if "archived" in data:
            model = services.model_archive(actor=self.actor, model_id=pk, archived=data["archived"])
        return Response(ModelRow(model).data)


class VersionListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="version_list", responses={200: VersionRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Versions of a model, newest first."""
        model = selectors.model_get(self.actor, pk)
        return self.page(selectors.version_list(self.actor, model_id=model.pk), VersionRow)

    @extend_schema(operation_id="version_create", request=VersionInput, responses={201: VersionDetail})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Register the files that a run logged as a version; the same content is the version that stands.

        Files that do not say which columns they read need a `signature`, or the `dataset_version_id` they were
        trained on. The data become an input of the run, which its lineage needs.
        """
        data = self.input(VersionInput)
        selectors.model_get(self.actor, pk)
        stated = services.Stated(
            signature=services.signature_of(data["signature"]["inputs"]) if data["signature"] else None,
            classes=tuple(data["classes"]) if data["classes"] is not None else None,
            dataset_version_id=data["dataset_version_id"],
        )
        version = services.model_version_create(
            actor=self.actor,
            model_id=pk,
            run_id=data["run_id"],
            facts={"path": data["path"]},
            labels=services.Labels(description=data["description"]),
            stated=stated,
            complete=True,
        )
        return Response(VersionDetail(version).data, status=201)


class VersionView(ApiView):
    @extend_schema(operation_id="version_get", responses={200: VersionDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One version with its files, signature and facts."""
        return Response(VersionDetail(selectors.model_version_get(self.actor, pk)).data)

    @extend_schema(operation_id="version_update", request=VersionChange, responses={200: VersionDetail})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the description; archive or bring back. Nothing else of a sealed version changes."""
        data = self.input(VersionChange)
        version = selectors.model_version_get(self.actor, pk)
        if "description" in data:
            version = services.version_describe(actor=self.actor, version_id=pk, description=data["description"])
        if "archived" in data:
            version = services.version_archive(actor=self.actor, version_id=pk, archived=data["archived"])
        return Response(VersionDetail(version).data)


class VersionQuarantineView(ApiView):
    @extend_schema(operation_id="version_quarantine", request=QuarantineInput, responses={200: VersionDetail})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Refuse a version to every loader, with a reason."""
        data = self.input(QuarantineInput)
        version = services.version_quarantine(actor=self.actor, version_id=pk, reason=data["reason"])
        return Response(VersionDetail(version).data)


class VersionFileView(ApiView):
    @extend_schema(
        operation_id="version_file_get",
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, pk: uuid.UUID, path: str) -> Any:
        """The bytes of one file of a version, always as an attachment."""
        version = selectors.model_version_get(self.actor, pk)
        for row in version.manifest:
            if row["path"] == path:
                return file_response(sha256=row["sha256"], size=row["size"], name=path)
        raise NotFound(selectors.model_missing(version) or "The version has no such file.")


class AliasView(ApiView):
    @extend_schema(operation_id="alias_set", request=AliasInput, responses={200: AliasRow})
    def put(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Point a name at a version of the model."""
        data = self.input(AliasInput)
        selectors.model_get(self.actor, pk)
        alias = services.alias_set(actor=self.actor, model_id=pk, name=name, version_id=data["version_id"])
        return Response(AliasRow(alias).data)

    @extend_schema(operation_id="alias_delete", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID, name: str) -> Response:
        """Remove a name."""
        selectors.model_get(self.actor, pk)
        services.alias_delete(actor=self.actor, model_id=pk, name=name)
        return Response(status=204)
