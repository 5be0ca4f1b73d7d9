from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "apps.experiments"
    label = "experiments"

    def ready(self) -> None:
        from apps.experiments import blob_sources
        from apps.experiments.registrations import register

        blob_sources.register()
        register()
