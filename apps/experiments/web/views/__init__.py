"""Pages of experiments, runs and comparisons."""

from apps.experiments.web.views.artifacts import run_artifacts, run_file, run_frame, run_picture
from apps.experiments.web.views.compare import run_compare
from apps.experiments.web.views.difference import run_difference
from apps.experiments.web.views.evaluation_datasets import (
    evaluation_dataset_archive,
    evaluation_dataset_detail,
    evaluation_dataset_list,
    evaluation_record_detail,
)
from apps.experiments.web.views.experiments import (
    experiment_archive,
    experiment_edit,
    experiment_list,
)
from apps.experiments.web.views.lessons import ledger, run_lesson, run_lesson_remove
from apps.experiments.web.views.many_runs import runs_archive, runs_purge, runs_restore, runs_tag
from apps.experiments.web.views.run_table import experiment_detail, experiment_filter_words
from apps.experiments.web.views.runs import (
    run_archive,
    run_curves,
    run_detail,
    run_notes,
    run_tag,
)
from apps.experiments.web.views.saved_views import (
    experiment_view_save,
    experiment_views,
    view_change,
    view_delete,
)
from apps.experiments.web.views.trade_off import experiment_trade_off

__all__ = [
    "evaluation_dataset_archive",
    "evaluation_dataset_detail",
    "evaluation_dataset_list",
    "evaluation_record_detail",
    "experiment_archive",
    "experiment_detail",
    "experiment_edit",
    "experiment_filter_words",
    "experiment_list",
    "experiment_trade_off",
    "experiment_view_save",
    "experiment_views",
    "ledger",
    "run_archive",
    "run_artifacts",
    "run_compare",
    "run_curves",
    "run_detail",
    "run_difference",
    "run_file",
    "run_frame",
    "run_lesson",
    "run_lesson_remove",
    "run_notes",
    "run_picture",
    "run_tag",
    "runs_archive",
    "runs_purge",
    "runs_restore",
    "runs_tag",
    "view_change",
    "view_delete",
]
