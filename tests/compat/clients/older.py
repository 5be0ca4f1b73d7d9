"""What scripts written for MLflow 2 do: models among a run's files, stages, `latest`."""

from __future__ import annotations

import json
import sys

import lightgbm
import mlflow
import numpy as np


def main() -> None:
    rows = np.random.default_rng(7).normal(size=(80, 3))
    truth = (rows[:, 0] > 0).astype(int)
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
    model = lightgbm.train(settings, lightgbm.Dataset(rows, truth), num_boost_round=5)
    wanted = model.predict(rows)
    mlflow.set_experiment("compat older")
    client = mlflow.MlflowClient()
    with mlflow.start_run(run_name="older") as run:
        mlflow.log_params({"depth": 4})
        mlflow.log_metrics({"loss": 0.5}, step=1)
        mlflow.log_text("hello", "hello.txt")
        mlflow.lightgbm.log_model(
            model, artifact_path="model", registered_model_name="compat older", pip_requirements=["lightgbm"]
        )
    client.transition_model_version_stage("compat older", "1", "Staging")
    client.set_registered_model_alias("compat older", "champion", "1")
    addresses = [
        f"runs:/{run.info.run_id}/model",
        "models:/compat older/1",
        "models:/compat older@champion",
        "models:/compat older/Staging",
        "models:/compat older/latest",
    ]
    held = client.get_run(run.info.run_id)
    said = {
        "version": mlflow.__version__,
        "run": [held.info.status, held.data.params, held.data.metrics],
        "loaded": [bool(np.allclose(mlflow.pyfunc.load_model(a).predict(rows), wanted)) for a in addresses],
        "history": "mlflow.log-model.history" in held.data.tags,
        "text": mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/hello.txt"),
        "found": len(mlflow.search_runs(experiment_names=["compat older"], filter_string="metrics.loss < 1")),
        "stages": [version.current_stage for version in client.get_latest_versions("compat older")],
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
