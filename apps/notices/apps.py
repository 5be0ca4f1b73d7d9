from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "apps.notices"
    label = "notices"

    def ready(self) -> None:
        from apps.core.registries import Command, command_register
        from apps.core.topics import Topic, topic_register
        from apps.notices import selectors

        command_register(Command("My notices", "notice-list", "bell", lambda actor: actor.is_person))
        topic_register(Topic("notices", selectors.topic_may_follow, selectors.topic_replay, snapshot=True))
