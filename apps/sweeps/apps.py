from django.apps import AppConfig


class SweepsConfig(AppConfig):
    name = "apps.sweeps"
    label = "sweeps"

    def ready(self) -> None:
        from apps.sweeps.registrations import register

        register()
