from django.apps import AppConfig


class TracesConfig(AppConfig):
    name = "apps.traces"
    label = "traces"

    def ready(self) -> None:
        from apps.traces import registrations

        registrations.register()
