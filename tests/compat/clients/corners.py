"""What scripts do less often: many values at once, odd names, logging in the background, renaming, deleting, asking."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, RunTag

NAME = "compat corners"


def many() -> dict[str, object]:
    client = mlflow.MlflowClient()
    experiment = mlflow.set_experiment(NAME).experiment_id
    with mlflow.start_run() as run:
        mlflow.log_params({f"param {n}": "v" * 500 for n in range(150)})
        mlflow.log_metrics({f"metric/{n}": n for n in range(1200)}, step=1)
        mlflow.set_tags({f"tag.{n}": str(n) for n in range(150)})
        mlflow.log_metric("later", 0.5, step=1, synchronous=False)
        mlflow.log_params({"in background": 1}, synchronous=False)
        mlflow.flush_async_logging()
        mlflow.log_text("ü", "odd näme/a b+c.txt")
        mlflow.log_text("", "empty.txt")
    client.log_batch(
        run.info.run_id,
        metrics=[Metric("steps", n / 7, 1_700_000_000_000 + n, n) for n in range(900)],
        params=[Param("long", "x" * 6000)],
        tags=[RunTag("long", "y" * 8000)],
    )
    held = client.get_run(run.info.run_id)
    folder = Path(client.download_artifacts(run.info.run_id, "", "."))
    return {
        "experiment": experiment,
        "run_id": run.info.run_id,
        "params": len(held.data.params),
        "metrics": len(held.data.metrics),
        "tags": sum(key.startswith("tag.") for key in held.data.tags),
        "later": held.data.metrics["later"],
        "background": held.data.params["in background"],
        "long": [len(held.data.params["long"]), len(held.data.tags["long"])],
        "steps": [m.value == m.step / 7 for m in client.get_metric_history(run.info.run_id, "steps")].count(True),
        "odd": (folder / "odd näme" / "a b+c.txt").read_text(),
        "empty": (folder / "empty.txt").read_bytes() == b"",
        "uri": mlflow.get_run(run.info.run_id).info.artifact_uri,
    }


def addresses(run_id: str, uri: str) -> dict[str, object]:
    file = mlflow.artifacts.download_artifacts(artifact_uri=f"{uri}/empty.txt", dst_path="by-address")
    return {
        "by_address": Path(file).exists(),
        "listed": [f.path for f in mlflow.artifacts.list_artifacts(artifact_uri=f"runs:/{run_id}/odd näme")],
    }


def experiments() -> dict[str, object]:
    client = mlflow.MlflowClient()
    first = client.create_experiment("compat renamed", tags={"a": "1"})
    client.rename_experiment(first, "compat renamed again")
    client.set_experiment_tag(first, "b", "2")
    client.delete_experiment(first)
    deleted = client.get_experiment(first).lifecycle_stage
    found = [e.experiment_id for e in client.search_experiments(view_type=mlflow.entities.ViewType.DELETED_ONLY)]
    client.restore_experiment(first)
    try:
        client.create_experiment("compat renamed again")
        twice = ""
    except mlflow.MlflowException as error:
        twice = error.error_code
    held = client.get_experiment(first)
    default = client.get_experiment("0")
    return {
        "name": held.name,
        "tags": held.tags,
        "deleted": deleted,
        "found": first in found,
        "twice": twice,
        "default": default.name,
        "absent": client.get_experiment_by_name("no such experiment") is None,
    }


def models() -> dict[str, object]:
    client = mlflow.MlflowClient()
    mlflow.set_experiment(NAME)
    with mlflow.start_run() as run:
        model = mlflow.initialize_logged_model(name="by-hand", params={"depth": "4"}, tags={"a": "1"})
        Path("by-hand").mkdir(exist_ok=True)
        Path("by-hand", "weights.bin").write_bytes(b"weights")
        client.log_model_artifacts(model.model_id, "by-hand")
        mlflow.log_metric("auc", 0.8, model_id=model.model_id)
        mlflow.finalize_logged_model(model.model_id, "READY")
    mlflow.set_logged_model_tags(model.model_id, {"b": "2"})
    client.delete_logged_model_tag(model.model_id, "a")
    frame = mlflow.search_logged_models(filter_string="name = 'by-hand' and params.depth = '4'", max_results=10)
    listed = [file.path for file in client.list_logged_model_artifacts(model.model_id)]
    last = mlflow.last_logged_model()
    held = mlflow.get_logged_model(model.model_id)
    outside = mlflow.create_external_model(name="external", params={"kind": "api"})
    client.delete_logged_model(model.model_id)
    left = mlflow.search_logged_models(filter_string="name = 'by-hand'")
    return {
        "found": len(frame),
        "tags": {key: value for key, value in held.tags.items() if key in ("a", "b")},
        "listed": listed,
        "last": last is not None and last.model_id == model.model_id,
        "of_run": held.source_run_id == run.info.run_id,
        "external": str(outside.status),
        "left": len(left),
    }


def registry() -> dict[str, object]:
    client = mlflow.MlflowClient()
    client.create_registered_model("compat name", tags={"a": "1"}, description="before")
    client.rename_registered_model("compat name", "compat name two")
    client.update_registered_model("compat name two", "after")
    client.delete_registered_model_tag("compat name two", "a")
    held = client.get_registered_model("compat name two")
    latest = client.get_latest_versions("compat name two")
    client.delete_registered_model("compat name two")
    client.create_registered_model("compat name two")
    return {"held": [held.name, held.description, held.tags], "latest": len(latest)}


def main() -> None:
    first = many()
    said = {
        "many": first,
        "addresses": addresses(str(first["run_id"]), str(first["uri"])),
        "experiments": experiments(),
        "models": models(),
        "registry": registry(),
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
