"""Pages of experiments, runs and comparisons."""

from apps.experiments.web.views.compare import run_compare
from apps.experiments.web.views.experiments import (
    experiment_archive,
    experiment_detail,
    experiment_edit,
    experiment_list,
)
from apps.experiments.web.views.runs import (
    run_archive,
    run_curves,
    run_detail,
    run_file,
    run_model_file,
    run_notes,
    run_tag,
)

__all__ = [
    "experiment_archive",
    "experiment_detail",
    "experiment_edit",
    "experiment_list",
    "run_archive",
    "run_compare",
    "run_curves",
    "run_detail",
    "run_file",
    "run_model_file",
    "run_notes",
    "run_tag",
]
