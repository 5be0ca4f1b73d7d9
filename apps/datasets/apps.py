from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "apps.datasets"
    label = "datasets"

    def ready(self) -> None:
        from apps.core.blobs import blob_holder_register
        from apps.datasets import blob_sources, registrations, storage

        blob_holder_register("datasets", storage.version_holds)
        blob_sources.register()
        registrations.register()
