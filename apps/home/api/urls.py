from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.core.api.permissions import IsKnownActor

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(permission_classes=[IsKnownActor]), name="api-schema"),
]
