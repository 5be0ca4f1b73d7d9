from django.apps import AppConfig


class ProblemsConfig(AppConfig):
    name = "apps.problems"
    label = "problems"

    def ready(self) -> None:
        from apps.problems import registrations

        registrations.register()
