"""Addresses of the JSON API."""

from django.urls import path

from apps.webhooks.api import views

urlpatterns = [
    path("webhooks", views.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:pk>/deliveries", views.DeliveriesView.as_view(), name="api-webhook-deliveries"),
]
