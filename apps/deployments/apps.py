from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "apps.deployments"
    label = "deployments"

    def ready(self) -> None:
        from apps.deployments import registrations
        from apps.deployments.selectors import live_version_ids
        from apps.deployments.services import approval_given, approval_withdrawn
        from apps.registry.contracts import live_lookup_register
        from apps.reviews.contracts import approval_listener_register

        live_lookup_register(live_version_ids)
        approval_listener_register(on_approved=approval_given, on_withdrawn=approval_withdrawn)
        registrations.register()
