from django.urls import path

from apps.deployments.web import internal, views

urlpatterns = [
    path("deployments/", views.deployment_list, name="deployment-list"),
    path("deployments/<uuid:pk>/", views.deployment_detail, name="deployment-detail"),
    path("deployments/<uuid:pk>/traffic", views.deployment_traffic, name="deployment-traffic"),
    path("deployments/<uuid:pk>/try", views.deployment_try, name="deployment-try"),
    path("deployments/<uuid:pk>/start", views.deployment_start, name="deployment-start"),
    path("deployments/<uuid:pk>/mask", views.deployment_mask, name="deployment-mask"),
    *(
        path(f"deployments/<uuid:pk>/{verb}", views.deployment_switch, {"verb": verb}, name=f"deployment-{verb}")
        for verb in views.SWITCHES
    ),
    path("internal/gateway/routes", internal.routes, name="gateway-routes"),
    path("internal/gateway/files/<str:sha256>", internal.file, name="gateway-file"),
    path("internal/gateway/predictions", internal.predictions, name="gateway-predictions"),
    path("internal/gateway/health", internal.health, name="gateway-health"),
]
