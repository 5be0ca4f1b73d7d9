"""What scripts do less often, on the newest client that these tests have."""

from __future__ import annotations

import pytest

from tests.compat.programs import Client

pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow


@pytest.mark.feature("runs", "hundreds of params, tags and metrics in one call; long values; logging in the background")
def test_many_values_at_once_are_all_there(client: Client):
    many = client.run("corners")["many"]

    assert (many["params"], many["metrics"], many["tags"]) == (152, 1202, 150)
    assert (many["later"], many["background"], many["long"]) == (0.5, "1", [6000, 8000])
    assert many["steps"] == 900


@pytest.mark.feature(
    "artifacts", "names with spaces and letters of any alphabet, empty files, whole folders, `mlflow-artifacts:/`"
)
def test_files_of_odd_names_come_back(client: Client):
    said = client.run("corners")

    assert said["many"]["uri"].startswith("mlflow-artifacts:/")
    assert (said["many"]["odd"], said["many"]["empty"]) == ("ü", True)
    assert said["addresses"] == {"by_address": True, "listed": ["odd näme/a b+c.txt"]}


@pytest.mark.feature("runs", "experiments: rename, tags, delete, restore, `0` as the team's default")
def test_experiments_are_renamed_deleted_and_restored(client: Client):
    assert client.run("corners")["experiments"] == {
        "name": "compat renamed again",
        "tags": {"a": "1", "b": "2"},
        "deleted": "deleted",
        "found": True,
        "twice": "RESOURCE_ALREADY_EXISTS",
        "default": "Default",
        "absent": True,
    }


@pytest.mark.feature(
    "models", "logged models by hand: initialize, files, tags, finalize, external, delete, the last one"
)
def test_logged_models_are_made_by_hand(client: Client):
    assert client.run("corners")["models"] == {
        "found": 1,
        "tags": {"b": "2"},
        "listed": ["weights.bin"],
        "last": True,
        "of_run": True,
        "external": "READY",
        "left": 0,
    }


@pytest.mark.feature("registry", "renaming a model, its description and tags; a deleted name is free again")
def test_registered_models_are_renamed(client: Client):
    assert client.run("corners")["registry"] == {"held": ["compat name two", "after", {}], "latest": 0}


@pytest.mark.feature("runs", "processes that log to one run; system metrics")
def test_processes_log_to_one_run(client: Client):
    said = client.run("workers")

    assert said["ended"] == [0, 0, 0, 0]
    assert said["own"] == [50, 50, 50, 50]
    assert said["shared"] == 200
    assert (said["params"], said["tags"], said["files"]) == (4, 4, 4)
    assert any("cpu" in key for key in said["system"])
