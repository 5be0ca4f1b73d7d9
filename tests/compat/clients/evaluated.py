"""An evaluation of a static table with a metric per row, which is when MLflow's client logs its evaluation table."""

from __future__ import annotations

import json
import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.metrics import MetricValue, make_metric


def distance(predictions, targets):
    apart = np.abs(np.asarray(predictions, float) - np.asarray(targets, float))
    return MetricValue(scores=apart.tolist(), aggregate_results={"mean": float(apart.mean())})


def main() -> None:
    mlflow.set_experiment("compat evaluated")
    rng = np.random.default_rng(3)
    age = rng.integers(18, 70, 150)
    frame = pd.DataFrame({"age": age, "checks": age / 10 + rng.normal(0, 1, 150)})
    frame["said"] = age / 10
    with mlflow.start_run() as run:
        mlflow.models.evaluate(
            data=frame,
            targets="checks",
            predictions="said",
            model_type="regressor",
            extra_metrics=[make_metric(eval_fn=distance, greater_is_better=False, name="distance")],
            evaluator_config={"log_model_explainability": False},
        )
    files = [file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)]
    sys.stdout.write(json.dumps({"run": run.info.run_id, "files": sorted(files)}) + "\n")


main()
