"""Every address, by room."""

from importlib.util import find_spec

from django.urls import include, path

handler400 = "controlplane.errors.bad_request"
handler403 = "controlplane.errors.forbidden"
handler404 = "controlplane.errors.not_found"
handler500 = "controlplane.errors.broken"

# The hottest first.
ROOMS = (
    "mlflow_api",
    "home",
    "accounts",
    "audit",
    "lineage",
    "notices",
    "webhooks",
    "problems",
    "stores",
    "compute",
    "datasets",
    "jobs",
    "code",
    "experiments",
    "traces",
    "registry",
    "training",
    "evaluations",
    "sweeps",
    "schedules",
    "gates",
    "reviews",
    "deployments",
    "live",
)


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


urlpatterns = [
    # First, below one prefix: what is asked most is compared with the fewest patterns.
    path("api/v1/", include([path("", include(api)) for room in ROOMS if _has(api := f"apps.{room}.api.urls")])),
    *(path("", include(web)) for room in ROOMS if _has(web := f"apps.{room}.web.urls")),
    path("accounts/", include("allauth.urls")),
]
