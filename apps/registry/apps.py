from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "apps.registry"
    label = "registry"

    def ready(self) -> None:
        from apps.registry import blob_sources
        from apps.registry.registrations import register

        blob_sources.register()
        register()
