from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"
    label = "audit"

    def ready(self) -> None:
        from apps.audit.policies import may_open
        from apps.core.registries import Command, NavEntry, command_register, navigation_register

        navigation_register(
            NavEntry(
                key="audit",
                label="Audit",
                icon="history",
                url_name="audit-list",
                order=100,
                shortcut="a",
                visible=lambda actor, team_id: may_open(actor),
            )
        )
        command_register(Command("Open the audit", "audit-list", "history", may_open))
