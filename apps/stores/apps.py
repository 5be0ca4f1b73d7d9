from django.apps import AppConfig


class StoresConfig(AppConfig):
    name = "apps.stores"
    label = "stores"

    def ready(self) -> None:
        from apps.stores.registrations import register

        register()
