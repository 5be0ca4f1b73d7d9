from django.urls import path

from apps.traces.api import views

urlpatterns = [
    path("traces", views.TraceListView.as_view(), name="api-trace-list"),
    path("traces/<uuid:pk>", views.TraceView.as_view(), name="api-trace-detail"),
    path("traces/<uuid:pk>/spans", views.SpanListView.as_view(), name="api-trace-span-list"),
    path("traces/<uuid:pk>/assessments", views.AssessmentListView.as_view(), name="api-trace-assessment-list"),
]
