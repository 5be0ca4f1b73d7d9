"""Our objects in MLflow's JSON: what proto JSON leaves out when it is empty is left out here too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from apps.experiments.contracts import NAME_TAG, NOTES_TAG, USER_TAG
from apps.experiments.selectors import folder_entries
from apps.experiments.services.measurements import plain_number

if TYPE_CHECKING:
    from apps.experiments.models import Experiment, LoggedModel, Metric, Run, RunInput, RunModel
    from apps.experiments.selectors import Point, RunRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def millis(moment: datetime | None) -> int:
    return (moment - _EPOCH) // _MILLISECOND if moment else 0


def artifact_root(run: Run | RunRow) -> str:
    return f"mlflow-artifacts:/{run.experiment_number}/{run.pk.hex}/artifacts"


def model_root(model: LoggedModel) -> str:
    return f"mlflow-artifacts:/{model.experiment.number}/models/m-{model.pk.hex}/artifacts"


def pairs(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """A dict as MLflow's list of key and value."""
    return [{"key": key, "value": str(value)} for key, value in values.items()]


def without_empty(shape: dict[str, Any]) -> dict[str, Any]:
    """Proto JSON has no empty lists."""
    return {key: value for key, value in shape.items() if value != []}


def experiment_shape(experiment: Experiment) -> dict[str, Any]:
    return without_empty(
        {
            "experiment_id": str(experiment.number),
            "name": experiment.name,
            "artifact_location": f"mlflow-artifacts:/{experiment.number}",
            "lifecycle_stage": "deleted" if experiment.archived_at else "active",
            "last_update_time": millis(experiment.updated_at or experiment.created_at),
            "creation_time": millis(experiment.created_at),
            "tags": pairs(experiment.tags),
            "workspace": experiment.team.slug,
        }
    )


def run_info_shape(run: Run | RunRow) -> dict[str, Any]:
    info = {
        "run_uuid": run.pk.hex,
        "experiment_id": str(run.experiment_number),
        "run_name": run.name,
        "user_id": run.user_name or (run.created_by_label if run.job_id else ""),
        "status": run.status,
        "start_time": millis(run.started_at),
        "artifact_uri": artifact_root(run),
        "lifecycle_stage": "deleted" if run.deleted_at else "active",
        "run_id": run.pk.hex,
    }
    if run.ended_at:
        info["end_time"] = millis(run.ended_at)
    return info


def run_tags(run: Run | RunRow) -> dict[str, str]:
    """Tags as clients see them: name and notes of a run are MLflow's tags of those meanings."""
    tags = {**run.tags, NAME_TAG: run.name}
    if run.notes:
        tags[NOTES_TAG] = run.notes
    if run.job_id:
        tags.setdefault(USER_TAG, run.created_by_label)
    return tags


def run_shape(run: Run | RunRow, *, inputs: Iterable[RunInput] = (), models: Iterable[RunModel] = ()) -> dict[str, Any]:
    """A run with its newest metrics; `inputs` and `models` come from `selectors.run_inputs_of` and `run_models_of`."""
    held = list(models)
    read = [model for model in held if model.direction == "INPUT"]
    written = [model for model in held if model.direction == "OUTPUT"]
    return {
        "info": run_info_shape(run),
        "data": without_empty(
            {
                "metrics": [
                    {"key": key, "value": _double(latest[0]), "timestamp": latest[2], "step": latest[1]}
                    for key, latest in run.metrics_latest.items()
                ],
                "params": pairs(run.params),
                "tags": pairs(run_tags(run)),
            }
        ),
        "inputs": without_empty(
            {
                "dataset_inputs": [dataset_input_shape(row) for row in inputs],
                "model_inputs": [{"model_id": f"m-{model.logged_model_id.hex}"} for model in read],
            }
        ),
        "outputs": without_empty(
            {"model_outputs": [{"model_id": f"m-{model.logged_model_id.hex}", "step": model.step} for model in written]}
        ),
    }


def _double(value: float | str) -> float | str:
    """A number as a double: jsonb gives large ones back as whole numbers. NaN and infinities are words already."""
    return value if isinstance(value, str) else float(value)


def dataset_input_shape(row: RunInput) -> dict[str, Any]:
    """Data that a run read: what the client described, or a version that Fairway holds."""
    if row.dataset_version is not None and row.external is None:
        version = row.dataset_version
        dataset = {
            "name": f"{version.dataset.name} v{version.number}",
            "digest": version.content_digest[:36],
            "source_type": "fairway",
            "source": f'{{"dataset_version": "{version.pk}"}}',
        }
        return {"tags": pairs({"mlflow.data.context": row.role}), "dataset": dataset}
    external = dict(row.external or {})
    tags = external.pop("tags", {})
    return without_empty({"tags": pairs(tags), "dataset": external})


def metric_shape(metric: Metric | Point) -> dict[str, Any]:
    """A measurement as the history of a run shows it."""
    return {
        "key": metric.key,
        "value": metric.value if isfinite(metric.value) else plain_number(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }


def model_metric_shape(metric: Metric) -> dict[str, Any]:
    """A measurement of a logged model, with the data it was taken on."""
    shape = metric_shape(metric)
    if metric.dataset_name:
        shape |= {"dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest or ""}
    return shape | {"model_id": f"m-{metric.model_id.hex}" if metric.model_id else "", "run_id": metric.run_id.hex}


def logged_model_shape(model: LoggedModel, *, metrics: Iterable[Metric] = ()) -> dict[str, Any]:
    """A logged model; `metrics` are those of `selectors.logged_model_metrics`."""
    return {
        "info": without_empty(
            {
                "model_id": f"m-{model.pk.hex}",
                "experiment_id": str(model.experiment.number),
                "name": model.name,
                "creation_timestamp_ms": millis(model.created_at),
                "last_updated_timestamp_ms": millis(model.updated_at or model.created_at),
                "artifact_uri": model_root(model),
                "status": model.status,
                "model_type": model.model_type,
                "source_run_id": model.source_run_id.hex if model.source_run_id else "",
                "tags": pairs(model.tags),
            }
        ),
        "data": without_empty(
            {"params": pairs(model.params), "metrics": [model_metric_shape(metric) for metric in metrics]}
        ),
    }


class StoredFile(Protocol):
    """A path and what is stored under it."""

    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...


def file_shapes(files: Iterable[StoredFile], folder: str) -> list[dict[str, Any]]:
    """The direct entries of a folder by path."""
    folders, own = folder_entries(files, folder)
    entries: list[dict[str, Any]] = [{"path": one.path, "is_dir": True} for one in folders]
    entries += [{"path": file.path, "is_dir": False, "file_size": file.size} for file in own]
    return sorted(entries, key=lambda entry: str(entry["path"]))
