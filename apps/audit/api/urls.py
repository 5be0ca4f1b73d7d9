"""Addresses under /api/v1/."""

from django.urls import path

from apps.audit.api import views

urlpatterns = [
    path("audit", views.AuditView.as_view(), name="api-audit"),
    path("audit/verification", views.AuditVerificationView.as_view(), name="api-audit-verification"),
    path("audit/<uuid:pk>", views.AuditEntryView.as_view(), name="api-audit-entry"),
]
