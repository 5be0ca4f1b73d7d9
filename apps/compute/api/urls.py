"""Addresses of the JSON API."""

from django.urls import path

from apps.compute.api import views

urlpatterns = [
    path("compute-targets", views.TargetsView.as_view(), name="api-compute-targets"),
    path("compute-targets/<uuid:pk>", views.TargetView.as_view(), name="api-compute-target"),
    path("compute-targets/<uuid:pk>/test", views.TargetTestView.as_view(), name="api-compute-target-test"),
    path("compute-targets/<uuid:pk>/drain", views.TargetDrainView.as_view(), name="api-compute-target-drain"),
    path("compute-targets/<uuid:pk>/resume", views.TargetResumeView.as_view(), name="api-compute-target-resume"),
    path("compute-tests/<uuid:pk>", views.TestView.as_view(), name="api-compute-test"),
]
