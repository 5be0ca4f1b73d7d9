from django.urls import path

from apps.experiments.api import lessons, saved_views, views

urlpatterns = [
    path("experiments", views.ExperimentListView.as_view(), name="api-experiment-list"),
    path("experiments/<uuid:pk>", views.ExperimentView.as_view(), name="api-experiment-detail"),
    path("experiments/<uuid:pk>/views", saved_views.SavedViewListView.as_view(), name="api-experiment-view-list"),
    path("experiment-views/<uuid:pk>", saved_views.SavedViewView.as_view(), name="api-experiment-view-detail"),
    path("runs", views.RunListView.as_view(), name="api-run-list"),
    path("runs/compare", views.RunCompareView.as_view(), name="api-run-compare"),
    path("runs/<uuid:pk>", views.RunView.as_view(), name="api-run-detail"),
    path("lessons", lessons.LessonListView.as_view(), name="api-lesson-list"),
    path("runs/<uuid:pk>/lesson", lessons.RunLessonView.as_view(), name="api-run-lesson"),
    path("runs/<uuid:pk>/metrics/<path:key>", views.RunMetricView.as_view(), name="api-run-metric"),
    path("runs/<uuid:pk>/artifacts", views.RunArtifactListView.as_view(), name="api-run-artifact-list"),
    path("runs/<uuid:pk>/artifacts/<path:path>", views.RunArtifactView.as_view(), name="api-run-artifact"),
]
