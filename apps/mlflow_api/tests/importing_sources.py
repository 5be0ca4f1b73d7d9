"""Sources of an import: an `mlruns` folder by the real client, a database by hand, and how an import is run."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.mlflow_api.tests.conftest import Person


@dataclass
class Folder:
    """An `mlruns` folder and the ids of what is in it."""

    root: Path
    client: Any
    ids: dict[str, str] = field(default_factory=dict)

    def run_place(self, name: str) -> Path:
        return next(self.root.rglob(self.ids[name]))


@contextmanager
def file_store(root: Path) -> Iterator[Any]:
    """The real client on a folder."""
    import mlflow

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(root.as_uri())
        try:
            yield mlflow.MlflowClient(tracking_uri=root.as_uri(), registry_uri=root.as_uri())
        finally:
            mlflow.set_tracking_uri(before)


def fill(client: Any, files: Path) -> dict[str, str]:
    """Everything an import knows, by the client; the ids of it by name."""
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, Param, RunTag

    files.mkdir()
    (files / "notes.txt").write_text("as it was")
    (files / "model").mkdir()
    (files / "model" / "MLmodel").write_text("flavors: {}\n")
    (files / "model" / "data.bin").write_bytes(bytes(range(256)))
    ids = {"fees": client.create_experiment("fees", tags={"goal": "less"})}
    run = client.create_run(ids["fees"], run_name="first", start_time=1_700_000_000_000, tags={"mlflow.user": "ann"})
    ids["first"] = run.info.run_id
    client.log_batch(
        ids["first"],
        metrics=[Metric("loss", 1 / (step + 1), 1_700_000_000_000 + step, step) for step in range(250)]
        + [Metric("odd/one", float("nan"), 5, 0), Metric("odd/one", float("inf"), 6, 1)],
        params=[Param("depth", "4"), Param("opt/kind", "adam")],
        tags=[RunTag("mlflow.note.content", "worth a look"), RunTag("mlflow.source.git.commit", "a" * 40)],
    )
    data = MetaDataset(HTTPDatasetSource("https://example.org/cases.csv"), name="cases", digest="abc123")
    client.log_inputs(
        ids["first"], [DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", "training")])]
    )
    client.log_artifact(ids["first"], str(files / "notes.txt"))
    client.log_artifacts(ids["first"], str(files / "model"), artifact_path="model")
    model = client.create_logged_model(ids["fees"], name="net", source_run_id=ids["first"], params={"layers": "2"})
    ids["net"] = model.model_id
    client.log_model_artifact(model.model_id, str(files / "notes.txt"))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(ids["first"], [LoggedModelOutput(model.model_id, step=3)])
    client.set_terminated(ids["first"], "FAILED", end_time=1_700_000_009_000)
    ids["thrown"] = client.create_run(ids["fees"], run_name="thrown away").info.run_id
    client.log_artifact(ids["thrown"], str(files / "notes.txt"))
    client.set_terminated(ids["thrown"])
    client.delete_run(ids["thrown"])
    ids["old"] = client.create_experiment("old")
    ids["ancient"] = client.create_run(ids["old"], run_name="ancient").info.run_id
    client.set_terminated(ids["ancient"])
    client.delete_experiment(ids["old"])
    _register(client, ids)
    return ids


def _register(client: Any, ids: dict[str, str]) -> None:
    client.create_registered_model("Fees", tags={"owner": "ann"}, description="What cases cost")
    source = f"runs:/{ids['first']}/model"
    client.create_model_version("Fees", source, ids["first"], description="the first")
    client.create_model_version("Fees", f"models:/{ids['net']}", ids["first"], tags={"kind": "net"})
    client.create_model_version("Fees", source, ids["first"])
    client.create_model_version("Fees", "s3://elsewhere/model")
    client.delete_model_version("Fees", "1")
    client.create_model_version("Fees", source, ids["first"])
    client.set_registered_model_alias("Fees", "champion", "2")
    client.set_registered_model_alias("Fees", "again", "5")
    client.set_registered_model_alias("Fees", "lost", "4")
    client.transition_model_version_stage("Fees", "2", "Staging")
    client.transition_model_version_stage("Fees", "3", "Production")


def folder_make(root: Path) -> Folder:
    with file_store(root) as client:
        return Folder(root, client, fill(client, root.parent / f"{root.name}-files"))


@dataclass(frozen=True)
class Imported:
    """What the command said."""

    report: dict[str, Any]
    said: str
    failed: str = ""

    @property
    def left(self) -> dict[str, str]:
        return {f"{note['what']} {note['name']}": note["why"] for note in self.report["left_behind"]}

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        return {kind: (count["there"], count["here"]) for kind, count in self.report["counts"].items()}


def imported(source: str | Path, person: Person, folder: Path, *options: str) -> Imported:
    """Run the command for a person's team."""
    out, file, failed = io.StringIO(), folder / "report.json", ""
    arguments = ["--from", str(source), "--team", person.team.slug, "--user", person.user.username]
    try:
        call_command("import_mlflow", *arguments, "--report", str(file), *options, stdout=out)
    except CommandError as error:
        failed = str(error)
    return Imported(json.loads(file.read_text()), out.getvalue(), failed)


_TABLES = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT,
  creation_time BIGINT);
CREATE TABLE experiment_tags (key TEXT, value TEXT, experiment_id INTEGER);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
  lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE datasets (dataset_uuid TEXT, name TEXT, digest TEXT, dataset_source_type TEXT, dataset_source TEXT,
  dataset_schema TEXT, dataset_profile TEXT);
CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT,
  step BIGINT);
CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT);
CREATE TABLE logged_models (model_id TEXT, experiment_id INTEGER, name TEXT, artifact_location TEXT, status INTEGER,
  creation_timestamp_ms BIGINT, lifecycle_stage TEXT, model_type TEXT, source_run_id TEXT);
CREATE TABLE logged_model_metrics (model_id TEXT, metric_name TEXT, metric_timestamp_ms BIGINT, metric_step BIGINT,
  metric_value FLOAT, run_id TEXT, dataset_name TEXT, dataset_digest TEXT);
CREATE TABLE logged_model_params (model_id TEXT, param_key TEXT, param_value TEXT);
CREATE TABLE logged_model_tags (model_id TEXT, tag_key TEXT, tag_value TEXT);
CREATE TABLE registered_models (name TEXT, description TEXT);
CREATE TABLE registered_model_tags (name TEXT, key TEXT, value TEXT);
CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER);
CREATE TABLE model_versions (name TEXT, version INTEGER, current_stage TEXT, description TEXT, source TEXT, run_id TEXT,
  run_link TEXT);
CREATE TABLE model_version_tags (name TEXT, version INTEGER, key TEXT, value TEXT);
CREATE TABLE trace_info (request_id TEXT);
"""


def database_make(folder: Path, run_id: str, model_id: str) -> Path:
    """A database in the columns of MLflow's that an import reads, with its files beside it."""
    file = folder / "mlflow.db"
    artifacts = f"mlflow-artifacts:/1/{run_id}/artifacts"
    base = sqlite3.connect(file)
    base.executescript(_TABLES)
    rows: dict[str, list[tuple[Any, ...]]] = {
        "experiments": [(1, "fees", "mlflow-artifacts:/1", "active", 1_600_000_000_000)],
        "experiment_tags": [("goal", "less", 1)],
        "runs": [(run_id, "first", "ann", "FINISHED", 1_700_000_000_000, 1_700_000_009_000, "active", artifacts, 1)],
        "metrics": [("loss", 0.5, 10, run_id, 1, 0), ("loss", 0.0, 11, run_id, 2, 1), ("auc", 0.8, 12, run_id, 0, 0)],
        "params": [("depth", "4", run_id)],
        "tags": [("mlflow.note.content", "worth a look", run_id)],
        "datasets": [("d1", "cases", "abc123", "http", "{}", None, None)],
        "inputs": [
            ("i1", "DATASET", "d1", "RUN", run_id, 0),
            ("i2", "RUN_OUTPUT", run_id, "MODEL_OUTPUT", model_id, 7),
        ],
        "input_tags": [("i1", "mlflow.data.context", "training")],
        "logged_models": [
            (model_id, 1, "net", f"mlflow-artifacts:/1/models/{model_id}/artifacts", 2, 5, "active", "", run_id)
        ],
        "logged_model_metrics": [(model_id, "auc", 12, 0, 0.8, run_id, "cases", "abc123")],
        "logged_model_params": [(model_id, "layers", "2")],
        "registered_models": [("Fees", "What cases cost")],
        "registered_model_aliases": [("Fees", "champion", 3)],
        "model_versions": [("Fees", 3, "None", "", f"models:/{model_id}", run_id, None)],
        "trace_info": [("tr-1",), ("tr-2",)],
    }
    for table, values in rows.items():
        marks = ", ".join("?" * len(values[0]))
        base.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608
    base.commit()
    base.close()
    for place, content in ((f"1/{run_id}", b"of the run"), (f"1/models/{model_id}", b"of the model")):
        (folder / "mlartifacts" / place / "artifacts").mkdir(parents=True)
        (folder / "mlartifacts" / place / "artifacts" / "weights.bin").write_bytes(content)
    return file
