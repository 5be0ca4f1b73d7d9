"""JSON views of webhooks; they are made and changed by MLflow's calls."""

from __future__ import annotations

import uuid

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.webhooks import selectors, services
from apps.webhooks.api.serializers import DeliverySerializer, ResentSerializer, WebhookSerializer

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


class ResendView(ApiView):
    @extend_schema(operation_id="webhook_resend", request=None, responses=ResentSerializer)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Send all missed deliveries of a webhook again, the oldest first."""
        return Response({"queued": services.deliveries_resend(actor=self.actor, webhook_id=pk)})


class DeliveryResendView(ApiView):
    @extend_schema(operation_id="webhook_delivery_resend", request=None, responses=DeliverySerializer)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID, delivery_id: uuid.UUID) -> Response:
        """Send a missed delivery again; one that waits is answered as it is."""
        if selectors.delivery_get(self.actor, delivery_id).webhook_id != pk:
            raise NotFound("There is no such delivery of this webhook.")
        return Response(DeliverySerializer(services.delivery_resend(actor=self.actor, delivery_id=delivery_id)).data)
