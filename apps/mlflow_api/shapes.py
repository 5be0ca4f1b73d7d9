"""Our objects in MLflow's JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.experiments.models import Artifact, Experiment, LoggedModel, Run


def millis(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment else 0


def artifact_root(run: Run) -> str:
    return f"mlflow-artifacts:/{run.experiment.number}/{run.pk.hex}/artifacts"


def model_root(model: LoggedModel) -> str:
    return f"mlflow-artifacts:/{model.experiment.number}/models/m-{model.pk.hex}/artifacts"


def experiment_shape(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": str(experiment.number),
        "name": experiment.name,
        "artifact_location": f"mlflow-artifacts:/{experiment.number}",
        "lifecycle_stage": "deleted" if experiment.archived_at else "active",
        "creation_time": millis(experiment.created_at),
        "last_update_time": millis(experiment.created_at),
        "tags": [{"key": k, "value": str(v)} for k, v in experiment.tags.items()],
    }


def run_shape(run: Run) -> dict[str, Any]:
    info = {
        "run_id": run.pk.hex,
        "run_uuid": run.pk.hex,
        "experiment_id": str(run.experiment.number),
        "run_name": run.name,
        "user_id": run.created_by_label,
        "status": run.status,
        "start_time": millis(run.started_at),
        "artifact_uri": artifact_root(run),
        "lifecycle_stage": "deleted" if run.deleted_at else "active",
    }
    if run.ended_at:
        info["end_time"] = millis(run.ended_at)
    tags = {"mlflow.runName": run.name, "mlflow.user": run.created_by_label, **run.tags}
    return {
        "info": info,
        "data": {
            "metrics": [
                {"key": key, "value": held[0], "step": held[1], "timestamp": held[2]}
                for key, held in run.metrics_latest.items()
            ],
            "params": [{"key": k, "value": v} for k, v in run.params.items()],
            "tags": [{"key": k, "value": str(v)} for k, v in tags.items()],
        },
        "inputs": {"dataset_inputs": []},
        "outputs": {"model_outputs": []},
    }


def logged_model_shape(model: LoggedModel) -> dict[str, Any]:
    info: dict[str, Any] = {
        "model_id": f"m-{model.pk.hex}",
        "experiment_id": str(model.experiment.number),
        "name": model.name,
        "creation_timestamp_ms": millis(model.created_at),
        "last_updated_timestamp_ms": millis(model.created_at),
        "artifact_uri": model_root(model),
        "status": model.status,
        "model_type": model.model_type,
        "tags": [{"key": k, "value": str(v)} for k, v in model.tags.items()],
    }
    if model.source_run_id:
        info["source_run_id"] = model.source_run_id.hex
    return {
        "info": info,
        "data": {"params": [{"key": k, "value": str(v)} for k, v in model.params.items()], "metrics": []},
    }


def file_shapes(files: list[Artifact], folder: str) -> list[dict[str, Any]]:
    """The direct entries of a folder, folders first seen by the files below them."""
    prefix = f"{folder}/" if folder else ""
    seen: dict[str, dict[str, Any]] = {}
    for artifact in files:
        if not artifact.path.startswith(prefix):
            continue
        head, _, rest = artifact.path[len(prefix) :].partition("/")
        path = prefix + head
        if rest:
            seen.setdefault(path, {"path": path, "is_dir": True})
        else:
            seen[path] = {"path": path, "is_dir": False, "file_size": artifact.size}
    return [seen[path] for path in sorted(seen)]
