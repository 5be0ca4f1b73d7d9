"""Autologging of one library, named by the argument: what came of a fit."""

from __future__ import annotations

import json
import sys

import mlflow
import numpy as np

ROWS = np.random.default_rng(7).normal(size=(200, 4)).astype("float32")
TRUTH = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)


def sklearn() -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog()
    LogisticRegression(C=0.5).fit(ROWS, TRUTH)


def search() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    mlflow.sklearn.autolog(max_tuning_runs=2)
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(ROWS, TRUTH)


def lightgbm() -> None:
    import lightgbm

    mlflow.lightgbm.autolog()
    settings = {"objective": "binary", "metric": "binary_logloss", "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(ROWS, TRUTH)
    # MLflow logs each round by a callback of its own beside those given.
    stop = lightgbm.early_stopping(50, verbose=False)
    lightgbm.train(settings, data, num_boost_round=10, valid_sets=[data], valid_names=["train"], callbacks=[stop])


def xgboost() -> None:
    import xgboost

    mlflow.xgboost.autolog()
    data = xgboost.DMatrix(ROWS, label=TRUTH)
    settings = {"objective": "binary:logistic", "nthread": 1}
    xgboost.train(settings, data, num_boost_round=10, evals=[(data, "train")], verbose_eval=False)


def keras() -> None:
    import keras

    mlflow.keras.autolog()
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(ROWS, TRUTH, epochs=3, verbose=0)


def main(name: str) -> None:
    client = mlflow.MlflowClient()
    experiment = mlflow.set_experiment(f"compat autolog {name} {mlflow.__version__}").experiment_id
    {"sklearn": sklearn, "search": search, "lightgbm": lightgbm, "xgboost": xgboost, "keras": keras}[name]()
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    top = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    run = top[0]
    histories = {key: len(client.get_metric_history(run.info.run_id, key)) for key in run.data.metrics}
    models = len(client.search_logged_models([experiment])) if hasattr(client, "search_logged_models") else 0
    said = {
        "runs": len(runs),
        "top": len(top),
        "status": run.info.status,
        "params": len(run.data.params),
        "longest": max(histories.values(), default=0),
        "metrics": sorted(histories),
        "models": models,
        "inputs": len(run.inputs.dataset_inputs),
        "files": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
    }
    sys.stdout.write(json.dumps(said) + "\n")


main(sys.argv[1])
