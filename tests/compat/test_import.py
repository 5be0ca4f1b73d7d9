"""A real MLflow server and its database, filled by its own client, copied into a team."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controlplane.stack.testing import LiveStack
from tests.compat.programs import Client
from tests.compat.recording import ENVIRONMENT, mlflow_started
from tests.flows.stack import people_make

pytestmark = pytest.mark.slow


@dataclass
class Server:
    """MLflow's own server on a database of its own."""

    url: str
    database: Path


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("mlflow")
    with mlflow_started(folder) as url:
        for program in ("fluent", "registry"):
            Client(url, "", folder / "clients").run(program, environment=ENVIRONMENT)
        yield Server(url, folder / "mlflow.db")


def _imported(stack: LiveStack, source: str, team: str, folder: Path) -> dict[str, Any]:
    report = folder / "report.json"
    people_make(stack, {f"import-{team}": ("DATA_SCIENTIST", team)})
    done = stack.manage(
        "import_mlflow", "--from", source, "--team", team, "--user", f"import-{team}", "--report", str(report)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    read: dict[str, Any] = json.loads(report.read_text())
    return read


def _whole(report: dict[str, Any]) -> bool:
    """Whether all came; a version whose files lie elsewhere stays behind, with the reason."""
    left = {note["name"] for note in report["left_behind"] if note["what"] == "version"}
    counts = report["counts"]
    versions = counts.pop("versions")
    elsewhere = "compat net version 3" in left and versions["there"] - versions["here"] == 1
    return elsewhere and all(count["there"] == count["here"] for count in counts.values())


@pytest.mark.feature("import", "a server of MLflow's, by its address")
def test_a_server_comes_whole(live_stack: LiveStack, mlflow_server: Server, tmp_path: Path):
    report = _imported(live_stack, mlflow_server.url, "by-server", tmp_path)
    again = _imported(live_stack, mlflow_server.url, "by-server", tmp_path)

    counts = report["counts"]
    assert _whole(report), report
    assert counts["runs"]["there"] >= 13
    assert counts["files"]["there"] >= 8
    assert counts["logged models"]["there"] == 1
    assert again["written"] == {}


@pytest.mark.feature("import", "an SQLite database of MLflow's with the files beside it")
def test_a_database_comes_whole(live_stack: LiveStack, mlflow_server: Server, tmp_path: Path):
    report = _imported(live_stack, f"sqlite:///{mlflow_server.database}", "by-database", tmp_path)

    assert _whole(report), report
    assert report["counts"]["measurements"]["there"] > 160
