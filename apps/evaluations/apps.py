from django.apps import AppConfig


class EvaluationsConfig(AppConfig):
    name = "apps.evaluations"
    label = "evaluations"

    def ready(self) -> None:
        from apps.evaluations.services import evaluation_fail, evaluation_finish
        from apps.jobs.contracts import JobKind, job_kind_register

        job_kind_register(JobKind("evaluate", title="Evaluation", on_finish=evaluation_finish, on_fail=evaluation_fail))
