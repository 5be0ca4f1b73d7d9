"""Addresses of the JSON API."""

from django.urls import path

from apps.webhooks.api import views

urlpatterns = [
    path("webhooks", views.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:pk>/deliveries", views.DeliveriesView.as_view(), name="api-webhook-deliveries"),
    path("webhooks/<uuid:pk>/deliveries/resend", views.ResendView.as_view(), name="api-webhook-resend"),
    path(
        "webhooks/<uuid:pk>/deliveries/<uuid:delivery_id>/resend",
        views.DeliveryResendView.as_view(),
        name="api-webhook-delivery-resend",
    ),
]
