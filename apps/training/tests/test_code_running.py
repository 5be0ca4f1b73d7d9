"""People's own code, launched and run to its end by the real child against a live web."""

from __future__ import annotations

import pytest

from apps.code.tests.factories import bundle_make
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.experiments import selectors as experiments
from apps.experiments.models import Run
from apps.jobs import selectors as jobs
from apps.jobs import services as job_services
from apps.jobs import tasks
from apps.jobs.models import Job, JobEvent
from apps.jobs.tests.factories import first_make, scientist
from apps.training import services
from apps.training.models import CodeLaunch
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _web(settings, tmp_path, live_server):
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url


def ran(launch: CodeLaunch) -> tuple[Job, Run, list[str]]:
    first_make(launch.job)
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


def test_a_bar_of_the_code_is_the_jobs_progress_and_one_line_of_its_log():
    actor, team = scientist()
    source = """
from tqdm import tqdm

for _ in tqdm(range(2000), desc="Fitting", mininterval=0, miniters=1):
    pass
print("fitted")
"""
    bundle = bundle_make(actor, team, source)

    job, _, lines = ran(services.code_launch(actor=actor, bundle_id=bundle.pk))

    assert job.state == "SUCCEEDED", (job.cause, lines)
    told = JobEvent.objects.filter(job=job, kind="progress", data__total=2000).order_by("seq")
    assert told.last().data["step"] == 2000
    assert told.last().data["text"] == "Fitting"
    assert sum("Fitting" in line for line in lines) == 1
    assert "fitted" in lines


def test_what_is_kept_in_between_stands_on_a_line_of_its_own():
    actor, team = scientist()
    source = """
import os
import sys
from pathlib import Path

(Path(os.environ["FAIRWAY_CHECKPOINT"]) / "state").write_text("1")
sys.stderr.write("\\r 10%|#  | 1/10 [00:01<00:09, 1it/s]")
"""
    bundle = bundle_make(actor, team, source)

    job, _, lines = ran(services.code_launch(actor=actor, bundle_id=bundle.pk, checkpoint="kept"))

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert "Kept checkpoint 1: 1 file" in lines
    assert " 10%|#  | 1/10 [00:01<00:09, 1it/s]" in lines


def test_code_that_raises_fails_with_the_last_line_of_its_traceback():
    actor, team = scientist()
    bundle = bundle_make(
        actor, team, "def main(rows: int = 0):\n    if not rows:\n        raise ValueError('no rows')\n"
    )

    job, run, _ = ran(services.code_launch(actor=actor, bundle_id=bundle.pk))

    assert (job.state, run.status) == ("FAILED", "FAILED")
    assert job.cause == "ValueError: no rows (train.py, line 3)"


def test_a_model_that_is_logged_becomes_a_version_of_the_problems_model_by_the_rules_of_any_client():
    ground = ground_make()
    source = """
import os
import pickle
import mlflow

with mlflow.start_run() as run:
    mlflow.log_metric("auc", 0.9)
    os.makedirs("made", exist_ok=True)
    with open("made/model.pkl", "wb") as file:
        pickle.dump({"any": "thing"}, file)
    with open("made/MLmodel", "w") as file:
        file.write("flavors:\\n  python_function:\\n    loader_module: mlflow.sklearn\\n")
    logged = mlflow.initialize_logged_model(name="scores", source_run_id=run.info.run_id)
    client = mlflow.MlflowClient()
    client.log_model_artifacts(logged.model_id, "made")
    client.finalize_logged_model(logged.model_id, "READY")
"""
    bundle = bundle_make(ground.scientist, ground.team, source)

    launch = services.code_launch(actor=ground.scientist, bundle_id=bundle.pk, problem_id=ground.problem.pk)
    job, run, lines = ran(launch)

    assert job.state == "SUCCEEDED", (job.cause, lines)
    launch.refresh_from_db()
    assert launch.model_version is not None, job.result
    assert launch.model_version.state == "QUARANTINED"
    assert launch.model_version.trained_by_id == ground.scientist.id
    assert "quarantined" in job.result["label"]
    assert run.sealed_at is not None


def test_a_command_runs_without_a_shell_and_its_exit_code_is_told():
    actor, team = scientist()
    bundle = bundle_make(actor, team, {"task.py": "import sys\nprint(sys.argv[1:])\nsys.exit(int(sys.argv[1]))\n"})

    fine, _, lines = ran(
        services.code_launch(actor=actor, bundle_id=bundle.pk, command="python task.py 0 '$HOME' ';ls'")
    )
    bad, run, _ = ran(services.code_launch(actor=actor, bundle_id=bundle.pk, command="python task.py 3"))
    none, _, _ = ran(services.code_launch(actor=actor, bundle_id=bundle.pk, command="no-such-program --x"))

    assert (fine.kind, fine.state) == ("command", "SUCCEEDED")
    assert "['0', '$HOME', ';ls']" in lines
    assert (bad.state, bad.cause, run.status) == ("FAILED", "The code ended with exit code 3: ['3']", "FAILED")
    assert none.cause == "The program “no-such-program” could not be started: No such file or directory."


def test_code_gets_at_no_other_run_no_secret_and_no_file_of_ours(settings):
    actor, team = scientist()
    secret = settings.FAIRWAY_HOME / "secrets" / "key"
    secret.parent.mkdir(parents=True)
    secret.write_text("s3cr3t")
    other = services.code_launch(actor=actor, bundle_id=bundle_make(actor, team, "print(1)\n").pk)
    source = f"""
import os, urllib.error, urllib.request
try:
    print(open({str(secret)!r}).read())
except OSError as error:
    print("file:", type(error).__name__)
base, token = os.environ["MLFLOW_TRACKING_URI"], os.environ["MLFLOW_TRACKING_TOKEN"]
def ask(path):
    request = urllib.request.Request(base + path, headers={{"Authorization": "Bearer " + token}})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
print("own run:", ask("/api/2.0/mlflow/runs/get?run_id=" + os.environ["MLFLOW_RUN_ID"]))
print("other run:", ask("/api/2.0/mlflow/runs/get?run_id={other.run.pk.hex}"))
print("code:", ask("/api/v1/code-bundles"))
print("secrets:", [key for key in os.environ if "SECRET" in key or "DATABASE" in key])
"""
    job, _, lines = ran(services.code_launch(actor=actor, bundle_id=bundle_make(actor, team, source).pk))

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert {"file: PermissionError", "own run: 200", "other run: 404", "secrets: []"} <= set(lines)
    assert "s3cr3t" not in "".join(lines)
    assert any(line.startswith("code: 40") for line in lines)


def test_outputs_are_kept_when_the_code_fails_and_links_are_not_followed():
    actor, team = scientist()
    source = (
        "import os\n"
        "open('outputs/why.txt', 'w').write('because')\n"
        "os.makedirs('outputs/deep')\n"
        "open('outputs/deep/more.txt', 'w').write('x')\n"
        "os.symlink('/etc/hosts', 'outputs/hosts')\n"
        "raise SystemExit('not today')\n"
    )

    job, run, _ = ran(services.code_launch(actor=actor, bundle_id=bundle_make(actor, team, source).pk))

    assert (job.state, job.cause) == ("FAILED", "The code ended with exit code 1: not today")
    assert [file.path for file in experiments.run_files(run)[0]] == ["deep/more.txt", "why.txt"]


def test_a_retry_runs_the_same_code_with_a_run_of_its_own():
    actor, team = scientist()
    launch = services.code_launch(
        actor=actor,
        bundle_id=bundle_make(actor, team, "def main(x: int = 1):\n    raise OSError('down')\n").pk,
        params={"x": 4},
    )
    old, _, _ = ran(launch)

    new = job_services.job_retry(actor=actor, job_id=old.pk)

    again = CodeLaunch.objects.get(job_id=new.pk)
    assert (again.params, again.bundle_id) == ({"x": 4}, launch.bundle_id)
    assert again.run_id != launch.run_id
    assert Run.objects.get(pk=launch.run_id).status == "FAILED"
    tasks.job_run(str(new.pk))
    assert Job.objects.get(pk=new.pk).cause == "OSError: down (train.py, line 2)"


def test_a_wheel_and_a_project_run_by_their_entries():
    actor, team = scientist()
    project = {
        "churn/pyproject.toml": '[project]\nname = "churn"\n[tool.fairway]\nentry = "pack.fit:train"\n'
        '[tool.fairway.parameters]\nrate = { type = "number", default = 0.5 }\n',
        "churn/src/pack/__init__.py": "",
        "churn/src/pack/fit.py": "from pack.rates import double\ndef train(rate):\n    return {'x2': double(rate)}\n",
        "churn/src/pack/rates.py": "def double(rate):\n    return rate * 2\n",
    }

    job, run, lines = ran(services.code_launch(actor=actor, bundle_id=bundle_make(actor, team, project).pk))

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert run.metrics_latest["x2"][0] == 1.0


def test_code_may_log_its_own_parameters_and_the_path_of_its_input():
    actor, team = scientist()
    version = version_sealed(actor, dataset_make(actor, team), csv_bytes(rows_make(20)))
    source = """
from pathlib import Path
import mlflow

def train(data: Path, rate: float = 0.5, careful: bool = True, rounds: int = 3):
    with mlflow.start_run():
        mlflow.log_params({"data": str(data), "rate": rate, "careful": careful, "rounds": rounds})
    return {"after": 1}
"""
    bundle = bundle_make(actor, team, source)

    launch = services.code_launch(actor=actor, bundle_id=bundle.pk, params={"data": str(version.pk), "rate": 1})
    job, run, lines = ran(launch)

    assert job.state == "SUCCEEDED", (job.cause, lines)
    assert run.params["data"].endswith(".csv")
    assert run.metrics_latest["after"][0] == 1.0
