"""Addresses of the data pages."""

from django.urls import path

from apps.datasets.web import views

urlpatterns = [
    path("data/versions/<uuid:pk>/", views.version_detail_view, name="dataset-version-detail"),
]
