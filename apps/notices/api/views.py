"""JSON views of one's own notices."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.notices import selectors, services
from apps.notices.api.serializers import NoticeSerializer, NoticesRead


class NoticesView(ApiView):
    @extend_schema(
        operation_id="notice_list",
        parameters=[
            OpenApiParameter("unread", OpenApiTypes.BOOL, description="Only those not read yet."),
            OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
            OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
        ],
        responses=NoticeSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Your notices, newest first."""
        unread = request.query_params.get("unread", "") in ("1", "true", "True")
        rows = selectors.notice_list(self.actor, unread=unread).order_by()
        return self.page(rows, NoticeSerializer, filters=("unread",))


class NoticeReadView(ApiView):
    @extend_schema(operation_id="notice_read", request=None, responses=NoticeSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Mark a notice as read."""
        return Response(NoticeSerializer(services.notice_read(actor=self.actor, notice_id=pk)).data)


class NoticesReadView(ApiView):
    @extend_schema(operation_id="notice_read_all", request=None, responses=NoticesRead)
    def post(self, request: Request) -> Response:
        """Mark all your notices as read."""
        return Response(NoticesRead({"read": services.notices_read_all(actor=self.actor)}).data)
