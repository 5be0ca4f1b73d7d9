"""Datasets and their versions for scripts and services."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.views import ApiView
from apps.core.errors import Conflict, NotFound
from apps.core.files import file_response
from apps.datasets import selectors, services
from apps.datasets.api import serializers as s
from apps.datasets.models import DatasetVersion


class DatasetListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="dataset_list", parameters=[s.DatasetQuery], responses=s.DatasetRow(many=True))
    def get(self, request: Request) -> Response:
        """Datasets that you may see, newest first."""
        query = self.query(s.DatasetQuery)
        rows = selectors.dataset_list(
            self.actor,
            team_id=query["team"],
            problem_id=query["problem"],
            text=query["text"],
            archived=query["archived"],
        )
        return self.page(rows, s.DatasetRow)

    @extend_schema(operation_id="dataset_create", request=s.DatasetInput, responses={201: s.DatasetRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Register a source of rows."""
        dataset = services.dataset_create(actor=self.actor, **self.input(s.DatasetInput))
        return Response(s.DatasetRow(dataset).data, status=201)


class DatasetView(ApiView):
    @extend_schema(operation_id="dataset_get", responses=s.DatasetRow)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One dataset."""
        return Response(s.DatasetRow(selectors.dataset_get(self.actor, pk)).data)

    @extend_schema(operation_id="dataset_update", request=s.DatasetChange, responses=s.DatasetRow)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change its description; `row_version` guards against lost updates."""
        dataset = services.dataset_edit(actor=self.actor, dataset_id=pk, **self.input(s.DatasetChange))
        return Response(s.DatasetRow(dataset).data)


class DatasetDeleteView(ApiView):
    @extend_schema(operation_id="dataset_delete_preview", responses=s.DatasetDeletePreview)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What deleting would free, and what stands against it."""
        preview = services.delete_preview(self.actor, pk)
        return Response(s.DatasetDeletePreview({**asdict(preview), "allowed": preview.allowed}).data)

    @extend_schema(operation_id="dataset_delete", request=s.DatasetConfirm, responses={204: None})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a dataset that nothing has used, with its versions and bytes."""
        services.dataset_delete(actor=self.actor, dataset_id=pk, **self.input(s.DatasetConfirm))
        return Response(status=204)


class DatasetArchiveView(ApiView):
    @extend_schema(operation_id="dataset_archive", request=None, responses=s.DatasetRow)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Put it out of the lists."""
        return Response(s.DatasetRow(services.dataset_archive(actor=self.actor, dataset_id=pk)).data)


class DatasetRestoreView(ApiView):
    @extend_schema(operation_id="dataset_restore", request=None, responses=s.DatasetRow)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Bring an archived dataset back."""
        return Response(s.DatasetRow(services.dataset_restore(actor=self.actor, dataset_id=pk)).data)


class VersionListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="dataset_version_list", responses=s.DatasetVersionRow(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Versions of a dataset, newest first."""
        dataset = selectors.dataset_get(self.actor, pk)
        return self.page(selectors.dataset_version_list(self.actor, dataset), s.DatasetVersionRow)


class VersionView(ApiView):
    @extend_schema(operation_id="dataset_version_get", responses=s.DatasetVersionDetail)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One version with the roles of its columns and its split."""
        return Response(s.DatasetVersionDetail(selectors.dataset_version_get(self.actor, pk)).data)


def _detail(actor: Any, version: DatasetVersion) -> Response:
    return Response(s.DatasetVersionDetail(selectors.dataset_version_get(actor, version.pk)).data)


class VersionProfileView(ApiView):
    @extend_schema(operation_id="dataset_version_profile", responses=s.DatasetProfile)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The profile: per column types, missing, distinct, quantiles and histogram; a sample of rows."""
        version = selectors.dataset_version_get(self.actor, pk)
        if version.profile is None:
            raise Conflict(f"“{version}” is {version.get_state_display()}: there is no profile.", code="no_profile")
        return Response(s.DatasetProfile(version.profile).data)


class VersionSupportView(ApiView):
    @extend_schema(operation_id="dataset_version_support", responses=s.DatasetSupport)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Rows per group of the problem's present segments, and of crossings of two."""
        version = selectors.dataset_version_get(self.actor, pk)
        return Response(s.DatasetSupport(selectors.support_report(version)).data)

    @extend_schema(operation_id="dataset_version_support_count", request=None, responses={202: s.QueuedJob})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Queue a count of the present segments."""
        job_id = services.version_support_count(actor=self.actor, version_id=pk)
        return Response({"job_id": job_id}, status=202)


class VersionRolesView(ApiView):
    @extend_schema(operation_id="dataset_version_roles_save", request=s.DatasetRoles, responses=s.DatasetVersionDetail)
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Say what columns are for; possible until the version is used."""
        return _detail(
            self.actor, services.version_roles_save(actor=self.actor, version_id=pk, **self.input(s.DatasetRoles))
        )


class VersionSplitView(ApiView):
    @extend_schema(
        operation_id="dataset_version_split_save", request=s.DatasetSplitInput, responses=s.DatasetVersionDetail
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Say how rows are divided; possible until the version is used."""
        return _detail(
            self.actor, services.version_split_save(actor=self.actor, version_id=pk, **self.input(s.DatasetSplitInput))
        )


class VersionQuarantineView(ApiView):
    @extend_schema(operation_id="dataset_version_quarantine", request=s.DatasetReason, responses=s.DatasetVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Keep it from new use until it is looked at."""
        return _detail(
            self.actor, services.version_quarantine(actor=self.actor, version_id=pk, **self.input(s.DatasetReason))
        )


class VersionReleaseView(ApiView):
    @extend_schema(operation_id="dataset_version_release", request=s.DatasetReason, responses=s.DatasetVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let a quarantined version be used again."""
        return _detail(
            self.actor, services.version_release(actor=self.actor, version_id=pk, **self.input(s.DatasetReason))
        )


class VersionRecallView(ApiView):
    @extend_schema(operation_id="dataset_version_recall", request=s.DatasetReason, responses=s.DatasetVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Withdraw it for good."""
        return _detail(
            self.actor, services.version_recall(actor=self.actor, version_id=pk, **self.input(s.DatasetReason))
        )


class VersionPurgeView(ApiView):
    @extend_schema(operation_id="dataset_version_purge", request=s.DatasetPurge, responses=s.DatasetVersionDetail)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove the bytes; the row stays as a tombstone."""
        return _detail(
            self.actor, services.version_purge(actor=self.actor, version_id=pk, **self.input(s.DatasetPurge))
        )


class VersionProfileAgainView(ApiView):
    @extend_schema(
        operation_id="dataset_version_profile_again",
        request=s.ProfileInput,
        responses={202: s.DatasetVersionDetail},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Read the file of a failed version again."""
        version = services.version_profile_again(actor=self.actor, version_id=pk, **self.input(s.ProfileInput))
        return Response(s.DatasetVersionDetail(version).data, status=202)


class VersionFileView(ApiView):
    @extend_schema(
        operation_id="dataset_version_file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, pk: uuid.UUID) -> FileResponse:
        """The uploaded bytes as they came, as an attachment."""
        version = selectors.dataset_version_get(self.actor, pk)
        if version.purged_at is not None:
            raise NotFound("The bytes of this version were removed.")
        return file_response(sha256=version.content_digest, size=version.size, name=version.filename)
