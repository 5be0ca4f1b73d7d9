from django.urls import path

from apps.deployments.web import batches, internal, views

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
    path("deployments/<uuid:pk>/score", batches.deployment_score, name="deployment-score"),
    path("batch-scores/<uuid:pk>/", batches.batch_detail, name="batch-detail"),
    path("batch-scores/<uuid:pk>/file", batches.batch_file, {"kind": "parquet"}, name="batch-file"),
    path("batch-scores/<uuid:pk>/csv", batches.batch_file, {"kind": "csv"}, name="batch-csv"),
    path("internal/gateway/routes", internal.routes, name="gateway-routes"),
    path("internal/gateway/files/<str:sha256>", internal.file, name="gateway-file"),
    path("internal/gateway/predictions", internal.predictions, name="gateway-predictions"),
    path("internal/gateway/health", internal.health, name="gateway-health"),
]
