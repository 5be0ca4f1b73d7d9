"""All writes of experiments, runs, measurements and files."""

from apps.experiments.services.artifacts import artifact_delete, artifact_store, artifacts_link
from apps.experiments.services.calls import run_begin
from apps.experiments.services.evaluation_datasets import (
    RecordDraft,
    evaluation_dataset_archive,
    evaluation_dataset_create,
    evaluation_dataset_experiments_change,
    evaluation_dataset_restore,
    evaluation_dataset_tag_delete,
    evaluation_dataset_tags_set,
    evaluation_records_delete,
    evaluation_records_upsert,
)
from apps.experiments.services.experiments import (
    experiment_archive,
    experiment_create,
    experiment_default,
    experiment_get_or_create,
    experiment_tag_delete,
    experiment_update,
)
from apps.experiments.services.imports import (
    experiment_import,
    experiment_import_end,
    experiment_import_note,
    logged_model_import,
    run_import,
)
from apps.experiments.services.lessons import lesson_remove, lesson_save
from apps.experiments.services.logged_models import (
    logged_model_archive,
    logged_model_create,
    logged_model_finalize,
    logged_model_params_log,
    logged_model_seal,
    logged_model_tag_delete,
    logged_model_tags_set,
)
from apps.experiments.services.many_runs import MOST as MOST_RUNS
from apps.experiments.services.many_runs import runs_archive, runs_purge, runs_tag
from apps.experiments.services.measurements import (
    MetricPoint,
    metrics_log,
    params_log,
    run_batch_log,
    tag_delete,
    tags_set,
)
from apps.experiments.services.purging import run_files, run_purge
from apps.experiments.services.runs import (
    run_archive,
    run_create,
    run_finish,
    run_inputs_add,
    run_job_set,
    run_notes_save,
    run_seal,
    run_update,
)
from apps.experiments.services.saved_views import QUERY_LIMIT, view_create, view_delete, view_update

__all__ = [
    "MOST_RUNS",
    "QUERY_LIMIT",
    "MetricPoint",
    "RecordDraft",
    "artifact_delete",
    "artifact_store",
    "artifacts_link",
    "evaluation_dataset_archive",
    "evaluation_dataset_create",
    "evaluation_dataset_experiments_change",
    "evaluation_dataset_restore",
    "evaluation_dataset_tag_delete",
    "evaluation_dataset_tags_set",
    "evaluation_records_delete",
    "evaluation_records_upsert",
    "experiment_archive",
    "experiment_create",
    "experiment_default",
    "experiment_get_or_create",
    "experiment_import",
    "experiment_import_end",
    "experiment_import_note",
    "experiment_tag_delete",
    "experiment_update",
    "lesson_remove",
    "lesson_save",
    "logged_model_archive",
    "logged_model_create",
    "logged_model_finalize",
    "logged_model_import",
    "logged_model_params_log",
    "logged_model_seal",
    "logged_model_tag_delete",
    "logged_model_tags_set",
    "metrics_log",
    "params_log",
    "run_archive",
    "run_batch_log",
    "run_begin",
    "run_create",
    "run_files",
    "run_finish",
    "run_import",
    "run_inputs_add",
    "run_job_set",
    "run_notes_save",
    "run_purge",
    "run_seal",
    "run_update",
    "runs_archive",
    "runs_purge",
    "runs_tag",
    "tag_delete",
    "tags_set",
    "view_create",
    "view_delete",
    "view_update",
]
