"""Addresses of the pages."""

from django.urls import path

from apps.audit.web import views

urlpatterns = [
    path("audit/", views.audit_list, name="audit-list"),
    path("audit/verify/", views.audit_verify, name="audit-verify"),
    path("audit/export/", views.audit_export, name="audit-export"),
    path("audit/<uuid:pk>/", views.audit_detail, name="audit-detail"),
]
