from django.urls import path

from apps.home.api import views

urlpatterns = [
    path("schema", views.SchemaView.as_view(), name="api-schema"),
    path("health", views.HealthView.as_view(), name="api-health"),
    path("workers/<uuid:pk>/drain", views.WorkerDrainView.as_view(), name="api-worker-drain"),
    path("workers/<uuid:pk>/resume", views.WorkerResumeView.as_view(), name="api-worker-resume"),
    path("storage", views.StorageUseView.as_view(), name="api-storage-use"),
    path("storage/check", views.StorageCheckView.as_view(), name="api-storage-check"),
    path("runs/<uuid:pk>/purge", views.RunPurgeView.as_view(), name="api-run-purge"),
    path(
        "dataset-versions/<uuid:pk>/purge-preview",
        views.DatasetVersionPurgePreviewView.as_view(),
        name="api-dataset-version-purge-preview",
    ),
]
