"""Logged models and the registry, on the newest client that these tests have."""

from __future__ import annotations

import pytest

from tests.compat.programs import Client

pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow


@pytest.mark.feature("models", "`log_model`, and `load_model` by `runs:/`, `models:/m-…`, number and alias (LightGBM)")
def test_a_model_is_loaded_by_every_address(client: Client):
    loaded = client.run("registry")["loaded"]

    assert list(loaded.values()) == [True, True, True, True]


@pytest.mark.feature("models", "logged models: metrics, outputs of runs, `search_logged_models`")
def test_a_logged_model_knows_its_metrics_and_its_run(client: Client):
    said = client.run("registry")

    assert said["logged"] == ["READY", {"auc": 0.9}]
    assert said["outputs"] == [True]
    assert said["searched"] == [True]


@pytest.mark.feature("registry", "registered models, versions, tags, descriptions, aliases, deleting, searching")
def test_a_registered_model_is_described_and_found(client: Client):
    said = client.run("registry")

    description, tags, of_run, aliases = said["version"]
    assert (description, tags["checked"], of_run, aliases) == ("the first", "yes", True, ["champion"])
    assert said["model"][0]["owner"] == "ann"
    assert said["model"][1] == "1"
    assert said["found"] == ["1"]
    assert said["found_models"] == ["compat copy", "compat net"]
    assert "not found" in said["deleted"]


@pytest.mark.feature("registry", "stages as labels; `Production` is refused with the way to it")
def test_stages_are_labels(client: Client):
    said = client.run("registry")

    assert said["stage"] == "Staging"
    assert "approval" in said["production"]


@pytest.mark.feature(
    "registry", "`copy_model_version`; the same bytes are the same version; sources elsewhere are refused"
)
def test_files_are_registered_once(client: Client):
    said = client.run("registry")

    assert said["same_bytes"] == "1"
    assert said["copied"] == ["compat copy", "1"]
    assert "Fairway registers what it stores itself" in said["source_elsewhere"]
