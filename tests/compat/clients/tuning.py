"""Optuna's callback: each trial is a run."""

from __future__ import annotations

import json
import os
import sys

import mlflow
import optuna
from optuna_integration.mlflow import MLflowCallback


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    callback = MLflowCallback(
        tracking_uri=os.environ["MLFLOW_TRACKING_URI"], metric_name="distance", mlflow_kwargs={"nested": True}
    )
    study = optuna.create_study(study_name="compat optuna", sampler=optuna.samplers.RandomSampler(seed=7))
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=5, callbacks=[callback])
    runs = mlflow.search_runs(experiment_names=["compat optuna"], order_by=["metrics.distance ASC"])
    said = {
        "runs": len(runs),
        "best": abs(float(runs.iloc[0]["metrics.distance"]) - study.best_value) < 1e-12,
        "params": all(runs["params.x"].notna()),
    }
    sys.stdout.write(json.dumps(said) + "\n")


main()
