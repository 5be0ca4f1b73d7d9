from django.apps import AppConfig

# The application that `shared_task` binds to; imported here because the package itself stays empty.
from controlplane.celery import app as celery_app

__all__ = ["ControlplaneConfig", "celery_app"]


class ControlplaneConfig(AppConfig):
    name = "controlplane"
    verbose_name = "Control plane"
