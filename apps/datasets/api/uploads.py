"""Uploads in parts: begin, send, ask where it stands, complete or cancel."""

from __future__ import annotations

import uuid

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.datasets import selectors, services
from apps.datasets.api import serializers as s
from apps.datasets.api.parsers import PartBody, PartParser
from apps.datasets.models import Upload


class UploadListView(ApiView):
    @extend_schema(operation_id="upload_create", request=s.UploadInput, responses={201: s.UploadRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Announce a file; send its parts to `url`/parts."""
        upload = services.upload_begin(actor=self.actor, dataset_id=pk, **self.input(s.UploadInput))
        return Response(s.UploadRow(upload).data, status=201)


class UploadView(ApiView):
    @extend_schema(operation_id="upload_get", responses=s.UploadRow)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Where the upload stands; go on from byte `received`. A cancelled or expired one is gone."""
        upload = selectors.upload_get(self.actor, pk)
        if upload.state == Upload.State.ABORTED:
            raise NotFound("This upload has ended. Begin it again.")
        return Response(s.UploadRow(upload).data)

    @extend_schema(operation_id="upload_cancel", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Cancel; nothing is left."""
        services.upload_abort(actor=self.actor, upload_id=pk)
        return Response(status=204)


class UploadPartView(ApiView):
    parser_classes = [PartParser]

    @extend_schema(
        operation_id="upload_part",
        parameters=[s.PartQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=s.UploadRow,
    )
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Send the bytes from `offset` on, 1 to 16 MiB (the last part may be smaller); again does no harm."""
        offset = self.query(s.PartQuery)["offset"]
        data = request.data.take() if isinstance(request.data, PartBody) else b""
        upload = services.upload_part(actor=self.actor, upload_id=pk, offset=offset, data=data)
        return Response(s.UploadRow(upload).data)


class UploadCompleteView(ApiView):
    @extend_schema(operation_id="upload_complete", request=s.ProfileInput, responses=s.UploadDone)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Turn the received bytes into a version; the same bytes give the version that stands (`same`)."""
        result = services.upload_complete(actor=self.actor, upload_id=pk, **self.input(s.ProfileInput))
        version = selectors.dataset_version_get(self.actor, result.version.pk)
        body = {
            "id": pk,
            "same": result.same,
            "redirect": reverse("dataset-version-detail", args=[version.pk]),
            "version": version,
        }
        return Response(s.UploadDone(body).data)
