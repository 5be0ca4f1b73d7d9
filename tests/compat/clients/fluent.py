"""The fluent API as scripts use it: runs, nested, resumed and side by side, what they log, and how they are found."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import numpy as np

NAME = "compat fluent"


def logging() -> dict[str, object]:
    mlflow.set_experiment(NAME)
    mlflow.set_experiment_tags({"goal": "less"})
    folder = Path("folder")
    (folder / "deep").mkdir(parents=True, exist_ok=True)
    (folder / "deep" / "bytes.bin").write_bytes(bytes(range(256)))
    with mlflow.start_run(run_name="parent", tags={"kind": "parent"}, description="about it") as run:
        mlflow.log_param("depth", 4)
        mlflow.log_params({"rate": 0.1, "kind": "adam"})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"loss": 0.25, "auc": 0.75}, step=2)
        mlflow.log_metric("odd", float("nan"))
        mlflow.set_tags({"a": "1", "b": "2"})
        mlflow.delete_tag("b")
        mlflow.log_text("hello", "texts/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "a.json")
        mlflow.log_dict({"a": [1, 2]}, "a.yaml")
        mlflow.log_artifacts("folder", "folder")
        data = mlflow.data.from_numpy(np.arange(6.0).reshape(3, 2), name="cases")
        mlflow.log_input(data, context="training", tags={"rows": "3"})
        for n in range(2):
            with mlflow.start_run(run_name=f"child {n}", nested=True):
                mlflow.log_metric("loss", 1.0 + n)
    held = mlflow.get_run(run.info.run_id)
    return {
        "run_id": run.info.run_id,
        "status": held.info.status,
        "params": held.data.params,
        "metrics": {k: v for k, v in held.data.metrics.items() if k != "odd"},
        "odd_is_nan": bool(np.isnan(held.data.metrics["odd"])),
        "tags": {k: v for k, v in held.data.tags.items() if k in ("a", "b", "kind", "mlflow.note.content")},
        "inputs": [
            [i.dataset.name, i.dataset.digest, {t.key: t.value for t in i.tags}] for i in held.inputs.dataset_inputs
        ],
        "goal": mlflow.get_experiment_by_name(NAME).tags["goal"],
        "text": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/texts/hello.txt"),
        "dict": mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/a.json"),
        "bytes": list(
            Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/folder/deep/bytes.bin")).read_bytes()
        ),
        "listed": sorted(f.path for f in mlflow.artifacts.list_artifacts(run_id=run.info.run_id)),
    }


def resuming(run_id: str) -> dict[str, object]:
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metric("loss", 0.125, step=3)
    history = mlflow.MlflowClient().get_metric_history(run_id, "loss")
    return {"history": [[m.step, m.value] for m in history], "status": mlflow.get_run(run_id).info.status}


def failing() -> str:
    mlflow.set_experiment(NAME)
    try:
        with mlflow.start_run(run_name="broken") as run:
            raise ValueError
    except ValueError:
        return mlflow.get_run(run.info.run_id).info.status


def param_twice(run_id: str) -> str:
    try:
        mlflow.MlflowClient().log_param(run_id, "depth", 5)
    except mlflow.MlflowException as error:
        return error.error_code
    return ""


def _side(n: int) -> str:
    with mlflow.start_run(run_name=f"side {n}") as run:
        for step in range(20):
            mlflow.log_metric("loss", n + step / 100, step=step)
    return run.info.run_id


def side_by_side() -> dict[str, object]:
    mlflow.set_experiment("compat side by side")
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(_side, range(8)))
    found = mlflow.search_runs(experiment_names=["compat side by side"], order_by=["metrics.loss ASC"])
    return {
        "different": len(set(ids)),
        "names": list(found["tags.mlflow.runName"]),
        "lasts": [round(value, 2) for value in found["metrics.loss"]],
    }


def searching(run_id: str) -> dict[str, object]:
    frame = mlflow.search_runs(
        experiment_names=[NAME], filter_string="params.depth = '4' and metrics.loss < 0.2 and tags.kind = 'parent'"
    )
    children = mlflow.search_runs(experiment_names=[NAME], filter_string=f"tags.mlflow.parentRunId = '{run_id}'")
    client = mlflow.MlflowClient()
    child = children.iloc[0]["run_id"]
    client.delete_run(child)
    gone = len(mlflow.search_runs(experiment_names=[NAME], filter_string="attributes.run_name LIKE 'child%'"))
    client.restore_run(child)
    back = len(mlflow.search_runs(experiment_names=[NAME], filter_string="attributes.run_name LIKE 'child%'"))
    return {
        "found": list(frame["run_id"]),
        "columns": sorted(c for c in frame.columns if c.startswith(("metrics.", "params."))),
        "children": len(children),
        "after_delete": gone,
        "after_restore": back,
        "by_data": len(mlflow.search_runs(experiment_names=[NAME], filter_string="dataset.name = 'cases'")),
        "experiments": [e.name for e in mlflow.search_experiments(filter_string="name LIKE 'compat fl%'")],
    }


def main() -> None:
    logged = logging()
    run_id = str(logged["run_id"])
    said = {
        "version": mlflow.__version__,
        "logged": logged,
        "param_twice": param_twice(run_id),
        "resumed": resuming(run_id),
        "failed": failing(),
        "side_by_side": side_by_side(),
        "searched": searching(run_id),
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
