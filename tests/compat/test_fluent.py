"""Scripts that use MLflow's fluent API, on the newest client that these tests have."""

from __future__ import annotations

import pytest

from tests.compat.programs import Client

pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow


@pytest.mark.feature("runs", "`start_run`, params, metrics, tags, description, status of a run that fails")
def test_a_script_finds_what_it_logged(client: Client):
    said = client.run("fluent")
    logged = said["logged"]

    assert said["version"].startswith("3.")
    assert logged["status"] == "FINISHED"
    assert logged["params"] == {"depth": "4", "rate": "0.1", "kind": "adam"}
    assert logged["metrics"] == {"loss": 0.25, "auc": 0.75}
    assert logged["odd_is_nan"]
    assert logged["tags"] == {"a": "1", "kind": "parent", "mlflow.note.content": "about it"}
    assert logged["goal"] == "less"
    assert said["failed"] == "FAILED"
    assert said["param_twice"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.feature("artifacts", "`log_text`, `log_dict`, `log_artifacts`, list, load and download by `runs:/`")
def test_files_come_back_as_they_were(client: Client):
    logged = client.run("fluent")["logged"]

    assert logged["text"] == "hello"
    assert logged["dict"] == {"a": [1, 2]}
    assert logged["bytes"] == list(range(256))
    assert logged["listed"] == ["a.json", "a.yaml", "folder", "texts"]


@pytest.mark.feature("runs", "`log_input` with context and tags, and finding runs by `dataset.name`")
def test_data_that_a_run_read_is_noted(client: Client):
    said = client.run("fluent")
    [[name, digest, tags]] = said["logged"]["inputs"]

    assert name == "cases"
    assert digest
    assert tags["mlflow.data.context"] == "training"
    assert said["searched"]["by_data"] == 1


@pytest.mark.feature("runs", "resuming a run by its id, with the history of its metrics")
def test_a_run_goes_on(client: Client):
    assert client.run("fluent")["resumed"] == {"history": [[1, 0.5], [2, 0.25], [3, 0.125]], "status": "FINISHED"}


@pytest.mark.feature("runs", "nested runs; deleting and restoring runs")
def test_nested_runs_are_found_below_their_parent(client: Client):
    searched = client.run("fluent")["searched"]

    assert searched["children"] == 2
    assert (searched["after_delete"], searched["after_restore"]) == (1, 2)


@pytest.mark.feature("runs", "runs side by side in threads")
def test_runs_side_by_side_do_not_mix(client: Client):
    said = client.run("fluent")["side_by_side"]

    assert said["different"] == 8
    assert said["names"] == [f"side {n}" for n in range(8)]
    assert said["lasts"] == [n + 0.19 for n in range(8)]


@pytest.mark.feature("search", "`search_runs` to a frame, `search_experiments`")
def test_searches_fill_a_frame(client: Client):
    said = client.run("fluent")

    assert said["searched"]["found"] == [said["logged"]["run_id"]]
    assert {"metrics.loss", "metrics.auc", "params.depth"} <= set(said["searched"]["columns"])
    assert said["searched"]["experiments"] == ["compat fluent"]
