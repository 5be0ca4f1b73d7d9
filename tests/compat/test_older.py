"""A client of MLflow 2."""

from __future__ import annotations

import pytest

from tests.compat.programs import Client
from tests.compat.test_tracing import traced_well

ENVIRONMENT = "mlflow-2"
pytestmark = pytest.mark.slow


@pytest.mark.feature("runs", "runs, files and searches of MLflow 2")
def test_an_older_client_logs_and_finds(client: Client):
    said = client.run("older", environment=ENVIRONMENT)

    assert said["version"].startswith("2.")
    assert said["run"] == ["FINISHED", {"depth": "4"}, {"loss": 0.5}]
    assert said["text"] == "hello"
    assert said["found"] == 1
    assert said["history"]


@pytest.mark.feature("models", "models of MLflow 2 among a run's files; stages, aliases and `latest`")
def test_an_older_clients_model_is_registered_and_loaded(client: Client):
    said = client.run("older", environment=ENVIRONMENT)

    assert said["loaded"] == [True] * 5
    assert said["stages"] == ["Staging"]


@pytest.mark.feature("tracing", "traces of MLflow 2, whose spans are a file")
def test_an_older_clients_traces_are_kept_with_their_spans(client: Client):
    said = client.run("traced", environment=ENVIRONMENT)

    assert said["version"].startswith("2.")
    traced_well(said)


@pytest.mark.feature("autologging", "LightGBM with MLflow 2")
def test_an_older_client_logs_a_fit_by_itself(client: Client):
    fit = client.run("autolog", "lightgbm", environment=ENVIRONMENT)

    assert (fit["runs"], fit["status"], fit["longest"]) == (1, "FINISHED", 10)
    assert "model" in fit["files"]
