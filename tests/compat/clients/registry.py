"""Logged models and the registry: a LightGBM model from its fit to an alias, and back by every address."""

from __future__ import annotations

import json
import sys

import lightgbm
import mlflow
import numpy as np
from mlflow.models import infer_signature

NAME = "compat net"


def refused(call) -> str:
    try:
        call()
    except mlflow.MlflowException as error:
        return str(error)
    return ""


def main() -> None:
    mlflow.set_experiment("compat registry")
    client = mlflow.MlflowClient()
    rows = np.random.default_rng(7).normal(size=(80, 3))
    truth = (rows[:, 0] > 0).astype(int)
    settings = {"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, truth), num_boost_round=5)
    wanted = booster.predict(rows)
    with mlflow.start_run() as run:
        logged = mlflow.lightgbm.log_model(
            booster,
            name="model",
            signature=infer_signature(rows, wanted),
            pip_requirements=["lightgbm"],
            registered_model_name=NAME,
        )
        mlflow.log_metric("auc", 0.9, model_id=logged.model_id)
    client.set_registered_model_alias(NAME, "champion", "1")
    client.set_registered_model_tag(NAME, "owner", "ann")
    client.set_model_version_tag(NAME, "1", "checked", "yes")
    client.update_model_version(NAME, "1", description="the first")
    addresses = [logged.model_uri, f"runs:/{run.info.run_id}/model", f"models:/{NAME}/1", f"models:/{NAME}@champion"]
    loaded = {
        address.split("/")[0] + str(n): bool(np.allclose(mlflow.pyfunc.load_model(address).predict(rows), wanted))
        for n, address in enumerate(addresses)
    }
    again = mlflow.register_model(logged.model_uri, NAME)
    copied = client.copy_model_version(f"models:/{NAME}@champion", "compat copy")
    staged = client.transition_model_version_stage(NAME, "1", "Staging")
    held = client.get_model_version(NAME, "1")
    model = client.get_logged_model(logged.model_id)
    by_alias = client.get_model_version_by_alias(NAME, "champion")
    said = {
        "loaded": loaded,
        "same_bytes": again.version,
        "copied": [copied.name, copied.version],
        "stage": staged.current_stage,
        "production": refused(lambda: client.transition_model_version_stage(NAME, "1", "Production")),
        "source_elsewhere": refused(lambda: client.create_model_version(NAME, "s3://bucket/model")),
        "version": [held.description, held.tags, held.run_id == run.info.run_id, list(held.aliases)],
        "model": [client.get_registered_model(NAME).tags, by_alias.version],
        "found": [v.version for v in client.search_model_versions(f"name = '{NAME}' and tags.checked = 'yes'")],
        "found_models": [m.name for m in client.search_registered_models("name IN ('compat net', 'compat copy')")],
        "logged": [str(model.status), {m.key: m.value for m in model.metrics}],
        "outputs": [o.model_id == logged.model_id for o in client.get_run(run.info.run_id).outputs.model_outputs],
        "searched": [
            m.model_id == logged.model_id
            for m in client.search_logged_models([run.info.experiment_id], filter_string="metrics.auc > 0.8")
        ],
    }
    client.delete_registered_model_alias(NAME, "champion")
    client.delete_model_version("compat copy", "1")
    client.delete_registered_model("compat copy")
    said["deleted"] = refused(lambda: client.get_registered_model("compat copy"))
    sys.stdout.write(json.dumps(said) + "\n")


main()
