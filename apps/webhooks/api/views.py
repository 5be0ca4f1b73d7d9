"""JSON views of webhooks; they are made and changed by MLflow's calls."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.webhooks import selectors
from apps.webhooks.api.serializers import DeliverySerializer, WebhookSerializer

_PAGE = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
]


class WebhooksView(ApiView):
    @extend_schema(operation_id="webhook_list", parameters=_PAGE, responses=WebhookSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Webhooks of the teams in which you manage them; never their secrets."""
        return self.page(selectors.webhook_list(self.actor), WebhookSerializer)


class DeliveriesView(ApiView):
    @extend_schema(operation_id="webhook_delivery_list", parameters=_PAGE, responses=DeliverySerializer(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What was and will be sent to a webhook, the newest first."""
        return self.page(selectors.delivery_list(selectors.webhook_get(self.actor, pk)), DeliverySerializer)
