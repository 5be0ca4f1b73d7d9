"""JSON views of the audit."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit import selectors
from apps.audit.api.serializers import AuditEventSerializer, ChainReportSerializer
from apps.audit.policies import may_verify
from apps.core.api.views import ApiView
from apps.core.errors import Invalid
from apps.core.policies import require

_TEXTS = {
    "action": "An action, or its beginning up to a dot.",
    "person": "Part of the actor's name.",
    "object_type": "As in `accounts.team`.",
    "object_id": "",
    "text": "Part of object name, reason or action.",
}


def _uuid(request: Request, name: str) -> uuid.UUID | None:
    raw = request.query_params.get(name, "")
    try:
        return uuid.UUID(raw) if raw else None
    except ValueError as error:
        raise Invalid.field(name, "This is not a UUID.") from error


def _moment(request: Request, name: str) -> datetime | None:
    raw = request.query_params.get(name, "")
    if not raw:
        return None
    try:
        found = parse_datetime(raw)
    except ValueError:
        found = None
    if found is None:
        raise Invalid.field(name, "A moment as in 2030-01-31T12:00:00Z.")
    try:
        # The database knows no zone further than 16 hours from UTC, and no year before 1.
        return (found if timezone.is_aware(found) else timezone.make_aware(found)).astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise Invalid.field(name, "This moment is out of range.") from error


class AuditView(ApiView):
    @extend_schema(
        operation_id="audit_list",
        parameters=[
            *(OpenApiParameter(name, OpenApiTypes.STR, description=text) for name, text in _TEXTS.items()),
            OpenApiParameter("actor_id", OpenApiTypes.UUID),
            OpenApiParameter("team_id", OpenApiTypes.UUID),
            OpenApiParameter("since", OpenApiTypes.DATETIME),
            OpenApiParameter("until", OpenApiTypes.DATETIME),
            OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
            OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
        ],
        responses=AuditEventSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Entries you may read, newest first: all for administrators and auditors, else your teams' or your own."""
        texts = {name: request.query_params.get(name, "").replace("\0", "") for name in _TEXTS}
        rows = selectors.audit_list(
            self.actor,
            **texts,
            actor_id=_uuid(request, "actor_id"),
            team_id=_uuid(request, "team_id"),
            since=_moment(request, "since"),
            until=_moment(request, "until"),
        )
        return self.page(rows, AuditEventSerializer, filters=(*_TEXTS, "actor_id", "team_id", "since", "until"))


class AuditEntryView(ApiView):
    @extend_schema(operation_id="audit_get", responses=AuditEventSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One entry."""
        return Response(AuditEventSerializer(selectors.audit_get(self.actor, pk)).data)


class AuditVerificationView(ApiView):
    @extend_schema(operation_id="audit_verify", request=None, responses=ChainReportSerializer)
    def post(self, request: Request) -> Response:
        """Check the whole chain now."""
        require(may_verify(self.actor), "An administrator or an auditor of the site can check the chain.")
        return Response(ChainReportSerializer(selectors.audit_verify()).data)
