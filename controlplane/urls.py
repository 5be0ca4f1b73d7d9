"""Every address, by room."""

from importlib.util import find_spec

from django.urls import include, path

handler400 = "controlplane.errors.bad_request"
handler403 = "controlplane.errors.forbidden"
handler404 = "controlplane.errors.not_found"
handler500 = "controlplane.errors.broken"

ROOMS = (
    "home",
    "accounts",
    "audit",
    "lineage",
    "notices",
    "webhooks",
    "problems",
    "datasets",
    "jobs",
    "experiments",
    "traces",
    "registry",
    "training",
    "evaluations",
    "gates",
    "reviews",
    "deployments",
    "live",
    "mlflow_api",
)


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


urlpatterns = [
    *(path("", include(f"apps.{room}.web.urls")) for room in ROOMS if _has(f"apps.{room}.web.urls")),
    *(path("api/v1/", include(f"apps.{room}.api.urls")) for room in ROOMS if _has(f"apps.{room}.api.urls")),
    path("accounts/", include("allauth.urls")),
]
