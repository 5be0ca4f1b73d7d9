from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "apps.home"
    label = "home"

    def ready(self) -> None:
        from apps.core.registries import (
            AdminTab,
            Command,
            NavEntry,
            admin_tab_register,
            command_register,
            navigation_register,
        )
        from apps.home.health.policies import health_see
        from apps.home.storage import cards, guards
        from apps.home.storage.policies import may_see_use

        guards.register()
        cards.register()
        admin_tab_register(AdminTab("storage", "Storage", "storage-usage", 60, may_see_use))
        admin_tab_register(AdminTab("health", "Health", "health", 42, health_see))
        command_register(Command("How the installation is", "health", "activity", health_see))
        command_register(Command("What the disk holds", "storage-usage", "database", may_see_use))
        navigation_register(NavEntry(key="home", label="Home", icon="home", url_name="home", order=0, shortcut="h"))
