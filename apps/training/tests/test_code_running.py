"""People's own code, launched and run to its end by the real child against a live web."""

from __future__ import annotations

import pytest

from apps.code.tests.factories import bundle_make
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.experiments import selectors as experiments
from apps.experiments.models import Run
from apps.jobs import selectors as jobs
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.tests.factories import scientist
from apps.training import services
from apps.training.models import CodeLaunch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _web(settings, tmp_path, live_server):
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url


def ran(launch: CodeLaunch) -> tuple[Job, Run, list[str]]:
    tasks.job_run(str(launch.job_id))
    job = Job.objects.get(pk=launch.job_id)
    return job, Run.objects.get(pk=launch.run_id), [line.text for line in jobs.log_lines(job)]


FUNCTION = '''
from pathlib import Path


def train(data: Path, rate: float = 0.5, seed: int = 0) -> dict:
    """Count the rows."""
    rows = data.read_text().splitlines()
    Path("outputs/note.txt").write_text(f"{len(rows)} lines")
    print("rate", rate, "seed", seed)
    return {"rows": len(rows) - 1, "rate": rate}
'''


def test_a_typed_function_runs_on_data_and_its_numbers_and_files_are_the_runs():
    actor, team = scientist()
    version = version_sealed(actor, dataset_make(actor, team), csv_bytes(rows_make(40)))
    bundle = bundle_make(actor, team, FUNCTION)

    launch = services.code_launch(
        actor=actor, bundle_id=bundle.pk, params={"data": str(version.pk), "rate": 0.25}, seed=7
    )
    job, run, lines = ran(launch)

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert run.status == "FINISHED"
    assert {key: value[0] for key, value in run.metrics_latest.items()} == {"rows": 40.0, "rate": 0.25}
    assert "rate 0.25 seed 7" in lines
    assert run.seed == 7
    assert run.code["sha256"] == bundle.sha256
    assert len(run.environment["digest"]) == 64
    assert [file.path for file in experiments.run_files(run)[0]] == ["note.txt"]


def test_plain_mlflow_calls_write_to_the_run_of_the_job():
    actor, team = scientist()
    source = """
import argparse
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
options = parser.parse_args()
with mlflow.start_run():
    mlflow.log_metric("loss", options.rate * 2)
    mlflow.log_param("kind", "plain")
    mlflow.log_text("hello", "hello.txt")
"""
    bundle = bundle_make(actor, team, source)

    job, run, lines = ran(services.code_launch(actor=actor, bundle_id=bundle.pk, params={"rate": 0.3}))

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert run.metrics_latest["loss"][0] == 0.6
    assert run.params == {"rate": "0.3", "kind": "plain"}
    assert [file.path for file in experiments.run_files(run)[0]] == ["hello.txt"]


def test_code_that_raises_fails_with_the_last_line_of_its_traceback():
    actor, team = scientist()
    bundle = bundle_make(
        actor, team, "def main(rows: int = 0):\n    if not rows:\n        raise ValueError('no rows')\n"
    )

    job, run, _ = ran(services.code_launch(actor=actor, bundle_id=bundle.pk))

    assert (job.state, run.status) == ("FAILED", "FAILED")
    assert job.cause == "ValueError: no rows (train.py, line 3)"
