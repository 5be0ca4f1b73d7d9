from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "apps.training"
    label = "training"

    def ready(self) -> None:
        from apps.jobs.contracts import JobKind, job_kind_register
        from apps.training.services import training_fail, training_finish

        job_kind_register(JobKind("train", title="Training", on_finish=training_finish, on_fail=training_fail))
