from django.apps import AppConfig


class CodeConfig(AppConfig):
    name = "apps.code"
    label = "code"

    def ready(self) -> None:
        from apps.code.registrations import register

        register()
