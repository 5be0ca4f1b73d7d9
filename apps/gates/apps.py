from django.apps import AppConfig


class GatesConfig(AppConfig):
    name = "apps.gates"
    label = "gates"

    def ready(self) -> None:
        from apps.evaluations.contracts import evaluation_finished_register
        from apps.gates.services import verdict_record

        evaluation_finished_register(verdict_record)
