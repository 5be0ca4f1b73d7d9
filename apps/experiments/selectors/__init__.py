"""Reading experiments and runs."""

from apps.experiments.selectors.experiment_search import experiment_search_page
from apps.experiments.selectors.experiments import (
    experiment_by_name,
    experiment_by_number,
    experiment_default_number,
    experiment_get,
    experiment_list,
    experiment_search,
)
from apps.experiments.selectors.files import (
    artifact_find,
    artifact_list,
    blob_needed,
    logged_model_get,
    logged_model_metrics,
    logged_model_of_run,
    run_files,
)
from apps.experiments.selectors.logged_model_search import (
    LOGGED_MODELS,
    MeasuredOn,
    ModelOrder,
    logged_model_search_page,
)
from apps.experiments.selectors.measurements import (
    Curves,
    HistoryPlace,
    metric_curves,
    metric_curves_from,
    metric_history,
    metric_history_page,
    metrics_after,
)
from apps.experiments.selectors.run_search import run_search_page
from apps.experiments.selectors.runs import (
    data_differs,
    run_compare,
    run_get,
    run_inputs,
    run_inputs_of,
    run_list,
    run_models_of,
    run_newest,
    run_sample,
    run_search,
)

__all__ = [
    "LOGGED_MODELS",
    "Curves",
    "HistoryPlace",
    "MeasuredOn",
    "ModelOrder",
    "artifact_find",
    "artifact_list",
    "blob_needed",
    "data_differs",
    "experiment_by_name",
    "experiment_by_number",
    "experiment_default_number",
    "experiment_get",
    "experiment_list",
    "experiment_search",
    "experiment_search_page",
    "logged_model_get",
    "logged_model_metrics",
    "logged_model_of_run",
    "logged_model_search_page",
    "metric_curves",
    "metric_curves_from",
    "metric_history",
    "metric_history_page",
    "metrics_after",
    "run_compare",
    "run_files",
    "run_get",
    "run_inputs",
    "run_inputs_of",
    "run_list",
    "run_models_of",
    "run_newest",
    "run_sample",
    "run_search",
    "run_search_page",
]
