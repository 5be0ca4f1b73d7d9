"""Addresses under /api/v1/."""

from django.urls import path

from apps.notices.api import views

urlpatterns = [
    path("notices", views.NoticesView.as_view(), name="api-notices"),
    path("notices/read", views.NoticesReadView.as_view(), name="api-notices-read"),
    path("notices/<uuid:pk>/read", views.NoticeReadView.as_view(), name="api-notice-read"),
]
