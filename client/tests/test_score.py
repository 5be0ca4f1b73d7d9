"""`fairway score`: what it asks for, what it waits for, and the file that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fairway_client.main import main

from client.tests.test_sweeps import api

DATA = "01a22beb-18c0-773d-8ac8-407a65d0e2d2"
DEPLOYMENT = {"id": "01a22bed-1cc5-7440-ad8a-5bd5b92e3b0a", "name": "loan", "created_at": "2026-11-30T00:00:00Z"}
BATCH = {"id": "b", "number": 4, "state": "RUNNING", "scored": None, "refused": None, "job_id": "j"}
WHERE = f"deployments/{DEPLOYMENT['id']}/batch-scores"
JOB = {"id": "j", "number": 9, "progress": 1.0, "progress_text": "", "cause": "", "cancel_reason": ""}
ANSWERS: dict[str, Any] = {
    f"dataset-versions/{DATA}": {"id": DATA, "number": 1},
    "deployments": {"results": [DEPLOYMENT], "next": None},
    f"deployments/{DEPLOYMENT['id']}": DEPLOYMENT,
    "jobs/j": {**JOB, "state": "SUCCEEDED"},
    WHERE: BATCH,
    f"{WHERE}/b": {**BATCH, "state": "COMPLETE", "scored": 7, "refused": 1},
    f"{WHERE}/b/file": ["the", "file"],
}


def test_a_table_is_scored_and_its_file_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"

    with api(ANSWERS, monkeypatch) as seen:
        answer = CliRunner().invoke(main, ["score", "loan", DATA, "-o", str(target)])

    assert answer.exit_code == 0, answer.output
    asked = next(body for method, path, body in seen if (method, path) == ("POST", WHERE))
    assert asked == {"dataset_version_id": DATA, "priority": "normal"}
    assert "complete" in answer.output
    assert target.read_text() == '["the", "file"]'


def test_without_waiting_it_says_which_job_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with api(ANSWERS, monkeypatch) as seen:
        answer = CliRunner().invoke(main, ["score", "loan", DATA, "--json"])

    assert answer.exit_code == 0, answer.output
    assert '"RUNNING"' in answer.output
    assert "jobs/j" not in [path for _, path, _ in seen]


def test_a_failed_job_ends_with_its_cause_and_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failed = {**JOB, "state": "FAILED", "cause": "The approval of version 1 does not stand."}

    with api({**ANSWERS, "jobs/j": failed}, monkeypatch):
        answer = CliRunner().invoke(main, ["score", "loan", DATA, "-o", str(tmp_path / "scores.parquet")])

    assert answer.exit_code == 4
    assert "does not stand" in answer.output
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_not_written_over_and_nothing_is_launched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "scores.csv"
    target.write_text("mine")

    with api(ANSWERS, monkeypatch) as seen:
        answer = CliRunner().invoke(main, ["score", "loan", DATA, "-o", str(target)])

    assert answer.exit_code == 2
    assert not seen
    assert target.read_text() == "mine"
