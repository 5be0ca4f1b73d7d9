from django.apps import AppConfig


class HomeConfig(AppConfig):
    name = "apps.home"
    label = "home"

    def ready(self) -> None:
        from apps.core.registries import NavEntry, navigation_register

        navigation_register(NavEntry(key="home", label="Home", icon="home", url_name="home", order=0, shortcut="h"))
