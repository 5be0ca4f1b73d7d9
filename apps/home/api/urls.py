from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.core.api.permissions import IsKnownActor
from apps.home.api import views

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(permission_classes=[IsKnownActor]), name="api-schema"),
    path("storage", views.StorageUseView.as_view(), name="api-storage-use"),
    path("runs/<uuid:pk>/purge", views.RunPurgeView.as_view(), name="api-run-purge"),
    path(
        "dataset-versions/<uuid:pk>/purge-preview",
        views.DatasetVersionPurgePreviewView.as_view(),
        name="api-dataset-version-purge-preview",
    ),
]
