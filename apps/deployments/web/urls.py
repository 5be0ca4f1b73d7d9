from django.urls import path

from apps.deployments.web import internal

urlpatterns = [
    path("internal/gateway/routes", internal.routes, name="gateway-routes"),
    path("internal/gateway/files/<str:sha256>", internal.file, name="gateway-file"),
    path("internal/gateway/predictions", internal.predictions, name="gateway-predictions"),
    path("internal/gateway/health", internal.health, name="gateway-health"),
]
