"""Addresses under /api/v1/."""

from django.urls import path

from apps.lineage.api import views

urlpatterns = [
    path("lineage/<str:thing_type>/<uuid:pk>", views.LineageView.as_view(), name="api-lineage"),
]
