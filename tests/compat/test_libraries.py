"""The whole client with the libraries that people train with."""

from __future__ import annotations

import pytest

from tests.compat.programs import Client

ENVIRONMENT = "mlflow-3"
pytestmark = pytest.mark.slow


@pytest.mark.feature(
    "autologging", "scikit-learn: params, metrics, data, model, plots; `GridSearchCV` with its children"
)
def test_scikit_learn_logs_itself(client: Client):
    fit = client.run("autolog", "sklearn", environment=ENVIRONMENT)
    search = client.run("autolog", "search", environment=ENVIRONMENT)

    assert (fit["runs"], fit["status"], fit["models"], fit["inputs"]) == (1, "FINISHED", 1, 1)
    assert fit["params"] > 5
    assert "training_accuracy_score" in fit["metrics"]
    assert any(file.endswith(".png") for file in fit["files"])
    assert (search["top"], search["runs"]) == (1, 3)


@pytest.mark.feature("autologging", "LightGBM: each round by MLflow's callback, importance, model")
def test_lightgbm_logs_itself(client: Client):
    fit = client.run("autolog", "lightgbm", environment=ENVIRONMENT)

    assert (fit["runs"], fit["status"], fit["models"], fit["longest"]) == (1, "FINISHED", 1, 10)
    assert "train-binary_logloss" in fit["metrics"]


@pytest.mark.feature("autologging", "XGBoost: each round, importance, model")
def test_xgboost_logs_itself(client: Client):
    fit = client.run("autolog", "xgboost", environment=ENVIRONMENT)

    assert (fit["runs"], fit["status"], fit["models"], fit["longest"]) == (1, "FINISHED", 1, 10)
    assert "train-logloss" in fit["metrics"]


@pytest.mark.feature("autologging", "Keras 3 on JAX: each epoch, summary, model")
def test_keras_logs_itself(client: Client):
    fit = client.run("autolog", "keras", environment=ENVIRONMENT)

    assert (fit["runs"], fit["status"], fit["longest"]) == (1, "FINISHED", 3)
    assert {"accuracy", "loss"} <= set(fit["metrics"])


# Formats that Fairway judges to be safe are served to clients from the registry; others from the run alone.
@pytest.mark.feature(
    "models", "`log_model` and `load_model` of scikit-learn, LightGBM, XGBoost, Keras, ONNX and models from code"
)
@pytest.mark.parametrize("flavor", ["sklearn", "lightgbm", "xgboost", "keras", "onnx", "code"])
def test_a_flavor_is_logged_and_loaded(client: Client, flavor: str):
    said = client.run("flavors", flavor, environment=ENVIRONMENT)

    assert (said["run"], said["model"]) == (True, True)
    assert said["status"] == "READY"
    if said["message"]:
        assert "quarantined" in said["registered"]
    else:
        assert said["registered"] is True


@pytest.mark.feature(
    "models", "LightGBM and ONNX models are loaded from the registry; what may run code on loading is not"
)
def test_what_is_safe_to_load_is_loaded_from_the_registry(client: Client):
    messages = {
        flavor: client.run("flavors", flavor, environment=ENVIRONMENT)["message"]
        for flavor in ("lightgbm", "onnx", "code")
    }

    assert messages["lightgbm"] == ""
    assert messages["onnx"] == ""
    assert "Quarantined" in messages["code"]


@pytest.mark.feature("artifacts", "`log_image` by name and by step, `log_figure`, `log_table` and `load_table`")
def test_images_figures_and_tables_come_back(client: Client):
    said = client.run("media", environment=ENVIRONMENT)

    assert {"array.png", "figure.png", "images", "table.json"} <= set(said["files"])
    assert said["stepped"] == 2
    assert said["table"] == ["c", "d", "f"]
    assert said["image"] == [8, 8]


@pytest.mark.feature("evaluation", "`mlflow.models.evaluate` of a classifier: metrics, plots, data")
def test_an_evaluation_logs_its_metrics_and_plots(client: Client):
    said = client.run("media", environment=ENVIRONMENT)

    assert len(said["evaluated"]) > 5
    assert all(said["evaluated"].values())
    assert any(file.endswith(".png") for file in said["plots"])
    assert said["inputs"] == 1


@pytest.mark.feature("libraries", "Optuna's `MLflowCallback`")
def test_trials_of_optuna_are_runs(client: Client):
    assert client.run("tuning", environment=ENVIRONMENT) == {"runs": 5, "best": True, "params": True}


@pytest.mark.feature("artifacts", "a file of 1 GB, up and down")
def test_a_large_file_comes_back(client: Client):
    said = client.run("large", environment=ENVIRONMENT, seconds=1200)

    assert said == {"size": 1000 * 1024 * 1024, "same": True}


@pytest.mark.feature("runs", "the fluent API with the whole client")
def test_the_whole_client_says_what_the_small_one_says(client: Client):
    said = client.run("fluent", environment=ENVIRONMENT)

    assert said["logged"]["params"] == {"depth": "4", "rate": "0.1", "kind": "adam"}
