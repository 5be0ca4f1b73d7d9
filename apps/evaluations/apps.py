from django.apps import AppConfig


class EvaluationsConfig(AppConfig):
    name = "apps.evaluations"
    label = "evaluations"

    def ready(self) -> None:
        from apps.evaluations import blob_sources
        from apps.evaluations.registrations import register

        blob_sources.register()
        register()
