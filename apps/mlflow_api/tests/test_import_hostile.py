"""`import_mlflow` from sources that mean harm: refused or reported, never followed."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.experiments.models import Artifact, Experiment, Metric, Run
from apps.mlflow_api.tests.conftest import Person
from apps.mlflow_api.tests.importing_sources import imported

pytestmark = pytest.mark.django_db(transaction=True)
RUN = "7" * 32


def _folder(root: Path, **run: Any) -> Path:
    """A folder with an experiment and a run, by hand; returns the run's."""
    place = root / "1" / RUN
    (place / "artifacts").mkdir(parents=True)
    (root / "1" / "meta.yaml").write_text("name: one\nlifecycle_stage: active\n")
    meta = {"run_name": "one", "status": 3, "start_time": 1, "end_time": 2, "artifact_uri": "", **run}
    (place / "meta.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in meta.items()))
    return place


def test_links_out_of_a_folder_are_not_followed(person: Person, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("secret")
    root = tmp_path / "mlruns"
    place = _folder(root)
    (place / "artifacts" / "key.txt").symlink_to(secret / "key.txt")
    (place / "artifacts" / "folder").symlink_to(secret)
    (place / "params").symlink_to(secret)
    (root / "2").symlink_to(root / "1")
    os.mkfifo(place / "artifacts" / "pipe")
    (place / "artifacts" / "plain.txt").write_text("plain")

    result = imported(root, person, tmp_path)

    assert not result.failed, result.said
    assert list(Artifact.objects.values_list("path", flat=True)) == ["plain.txt"]
    assert Run.objects.get(pk=RUN).params == {}
    assert {name for name in result.left if name.startswith("link ")} >= {
        f"link 1/{RUN}/artifacts/key.txt",
        f"link 1/{RUN}/artifacts/folder",
        f"link 1/{RUN}/params",
        "link 2",
    }
    assert f"file 1/{RUN}/artifacts/pipe" in result.left


@pytest.mark.parametrize("location", ["/etc", "file:///etc", "file:///{root}/../secret", "mlflow-artifacts:/../secret"])
def test_files_outside_the_folders_given_are_not_read(location: str, person: Person, tmp_path: Path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret")
    root = tmp_path / "mlruns"
    place = _folder(root, artifact_uri=location.format(root=root))
    (place / "artifacts").rmdir()

    result = imported(root, person, tmp_path)

    assert not Artifact.objects.exists()
    assert "outside the folders given" in result.left[f"files {RUN}"]


def test_a_folder_elsewhere_is_read_once_it_is_named(person: Person, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere" / RUN / "artifacts"
    elsewhere.mkdir(parents=True)
    (elsewhere / "a.txt").write_text("a")
    root = tmp_path / "mlruns"
    (_folder(root, artifact_uri=elsewhere.as_uri()) / "artifacts").rmdir()

    result = imported(root, person, tmp_path, "--artifacts", str(tmp_path / "elsewhere"))

    assert not result.failed
    assert Artifact.objects.get().path == "a.txt"


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join([*lines, "name: *a8"])


@pytest.mark.parametrize(
    "meta", [_bomb(), "!!python/object/apply:os.system ['true']", "[" * 3000, "- a list", "name: [1]", "\x00\x01"]
)
def test_a_meta_file_that_is_not_mlflows_leaves_its_thing_behind(meta: str, person: Person, tmp_path: Path):
    root = tmp_path / "mlruns"
    _folder(root)
    (root / "3").mkdir()
    (root / "3" / "meta.yaml").write_text(meta)

    result = imported(root, person, tmp_path)

    assert not result.failed, result.said
    assert "experiment 3" in result.left
    assert Run.objects.filter(pk=RUN).exists()


def test_names_and_values_that_no_client_may_write_are_left_or_cut(person: Person, tmp_path: Path):
    root = tmp_path / "mlruns"
    place = _folder(root, run_name="n" * 5000, status=99, start_time=10**17)
    (root / "1" / "meta.yaml").write_text(f"name: {'e' * 90_000}\n")
    for folder, name, text in [
        ("params", "p" * 251, "x"),
        ("params", "long", "v" * 20_000),
        ("tags", "bad<key>", "x"),
        ("metrics", "loss", "1 0.5 1\nnonsense\n2 x 3\n9999999999999999999999 1 1\n3 0.25 2\n"),
    ]:
        (place / folder).mkdir(exist_ok=True)
        (place / folder / name).write_text(text)

    result = imported(root, person, tmp_path)

    run = Run.objects.get(pk=RUN)
    assert len(run.name) == 250
    assert len(Experiment.objects.get(pk=run.experiment_id).name) == 500
    assert run.status == "FAILED"
    assert run.params == {"long": "v" * 6000}
    assert Metric.objects.filter(run=run).count() == 2
    assert {f"param {'p' * 251} of run {RUN}"[:206], f"tag bad<key> of run {RUN}"} <= {
        name[:206] for name in result.left
    }


def test_a_database_of_odd_columns_and_values_is_read_as_far_as_it_goes(person: Person, tmp_path: Path):
    file = tmp_path / "mlflow.db"
    base = sqlite3.connect(file)
    script = """
        CREATE TABLE experiments (experiment_id, name);
        CREATE TABLE runs (run_uuid, experiment_id INTEGER, status, start_time, artifact_uri);
        CREATE TABLE metrics (key, value, timestamp, run_uuid, step);
        CREATE TABLE params (key, value, run_uuid);
        CREATE TABLE tags (key, value, run_uuid);
        CREATE VIEW trace_info AS SELECT 1;
        INSERT INTO experiments VALUES (1, x'00ff');
        INSERT INTO runs VALUES ('{RUN}', 1, 'FINISHED', 'noon', 'file:///etc'), (NULL, 1, 7, 9e999, x'00');
        INSERT INTO metrics VALUES ('loss', 'low', 'now', '{RUN}', 1), ('loss', 9e999, 2, '{RUN}', 2),
          (NULL, 1, 3, '{RUN}', 3), ('../up', 1, 4, '{RUN}', 4);
        INSERT INTO params VALUES ('a', x'00', '{RUN}'), (NULL, NULL, '{RUN}');
    """
    base.executescript(script.replace("{RUN}", RUN))
    base.close()

    result = imported(f"sqlite:///{file}", person, tmp_path)

    assert not result.failed, result.said
    values = Metric.objects.filter(run=RUN, key="loss").order_by("step").values_list("value", flat=True)
    assert math.isnan(values[0])
    assert values[1] == 1.7976931348623157e308
    assert f"metric ../up of run {RUN}" in result.left
    assert f"start run {RUN}" in result.left
    assert f"files {RUN}" in result.left


class _Server:
    """A server whose answers a test writes: {path: answer or function of the query and body}."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                outer.asked.append(self.path)
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = outer.answers.get(parts.path.removeprefix("/api/2.0/mlflow/"), {})
                if callable(found):
                    found = found({k: v[0] for k, v in parse_qs(parts.query).items()}, json.loads(body or b"{}"))
                status, content, headers = found if isinstance(found, tuple) else (200, found, {})
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = _answer

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[_Server]:
    made = _Server()
    thread = threading.Thread(target=made.http.serve_forever, daemon=True)
    thread.start()
    made.answers["experiments/search"] = {"experiments": [{"experiment_id": "1", "name": "one"}]}
    info = {"run_id": RUN, "run_name": "one", "status": "FINISHED", "start_time": "1"}
    made.answers["runs/search"] = {"runs": [{"info": info}]}
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


def test_a_server_that_sends_callers_elsewhere_is_not_followed(server: _Server, person: Person, tmp_path: Path):
    other = _Server()
    thread = threading.Thread(target=other.http.serve_forever, daemon=True)
    thread.start()
    server.answers["artifacts/list"] = {"files": [{"path": "a.txt", "file_size": 1}]}
    server.answers["/get-artifact"] = (302, b"", {"Location": f"{other.url}/a.txt"})
    file = imported(server.url, person, tmp_path)
    server.answers["experiments/search"] = (307, b"", {"Location": f"{other.url}/x"})
    all_of_it = imported(server.url, person, tmp_path)
    other.http.shutdown()
    other.http.server_close()
    thread.join()

    assert other.asked == []
    assert "sends callers on" in file.left[f"file a.txt of {RUN}"]
    assert "sends callers on" in all_of_it.failed
    assert not Artifact.objects.exists()


def test_paths_of_a_server_stay_below_their_run(server: _Server, person: Person, tmp_path: Path):
    paths = ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:/x", "a\\b", "%2e%2e/x", "n" * 501, "good.txt"]

    def listed(query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        if query.get("path") == "folder":
            return {"files": [{"path": "elsewhere/x", "file_size": 1}, {"path": "folder", "is_dir": True}]}
        return {"files": [*({"path": p, "file_size": 1} for p in paths), {"path": "folder", "is_dir": True}]}

    server.answers["artifacts/list"] = listed
    server.answers["/get-artifact"] = (200, b"x", {})

    result = imported(server.url, person, tmp_path)

    assert not result.failed, result.said
    assert list(Artifact.objects.values_list("path", flat=True)) == ["good.txt"]
    assert sum(name.startswith("file ") for name in result.left) == len(paths) + 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"experiments": [], "next_page_token": "again"}, "again and again"),
        ((200, b"<html>", {}), "not JSON"),
        ((200, b"[]", {}), "no JSON object"),
        ({"experiments": 7}, "not MLflow's"),
        ((200, b'{"a":"' + b"x" * (65 * 1024**2) + b'"}', {}), "more than"),
        ((500, b"broken", {}), "answers 500"),
    ],
)
def test_answers_that_no_mlflow_gives_end_the_import(
    answer: Any, said: str, server: _Server, person: Person, tmp_path: Path
):
    server.answers["experiments/search"] = answer

    result = imported(server.url, person, tmp_path)

    assert said in result.failed


def test_a_server_that_goes_away_in_the_midst_is_asked_again(server: _Server, person: Person, tmp_path: Path):
    def broken(query: dict[str, str], body: dict[str, Any]) -> Any:
        raise ConnectionError

    server.answers["artifacts/list"] = {"files": [{"path": "a.txt", "file_size": 1}, {"path": "b.txt", "file_size": 1}]}
    steps: list[Callable[..., Any]] = [lambda query, body: (200, b"x", {}), broken]
    server.answers["/get-artifact"] = lambda query, body: steps.pop()(query, body)
    first = imported(server.url, person, tmp_path)
    server.answers["/get-artifact"] = (200, b"x", {})

    second = imported(server.url, person, tmp_path)

    assert "goes on" in first.failed
    assert not second.failed, second.said
    assert sorted(Artifact.objects.values_list("path", flat=True)) == ["a.txt", "b.txt"]
    assert Run.objects.filter(pk=RUN).count() == 1


def test_another_fairway_is_a_source_too(live_server, person: Person, stranger: Person, tmp_path: Path):
    from apps.experiments import services
    from apps.experiments.services import MetricPoint

    points = [MetricPoint("loss", 1 / (n + 1), n, n) for n in range(30)]
    services.run_batch_log(actor=person.actor, run_id=person.run.pk, metrics=points, params={"depth": "4"})
    services.artifact_store(actor=person.actor, run_id=person.run.pk, path="deep/a ü.txt", chunks=[b"bytes"])
    logged = services.logged_model_create(
        actor=person.actor, experiment_number=person.experiment.number, name="net", source_run_id=person.run.pk
    )
    services.artifact_store(actor=person.actor, logged_model_id=logged.pk, path="model.skops", chunks=[b"skops"])
    services.logged_model_finalize(actor=person.actor, logged_model_id=logged.pk, status="LOGGED_MODEL_READY")
    token = tmp_path / "token"
    token.write_text(person.token)

    result = imported(live_server.url, stranger, tmp_path, "--token-file", str(token))

    assert not result.failed, result.said
    run = Run.objects.get(team=stranger.team, tags__contains={"fairway.import.run_id": person.run.pk.hex})
    assert run.params == {"depth": "4"}
    assert Metric.objects.filter(run=run).count() == 30
    assert Artifact.objects.get(run=run).path == "deep/a ü.txt"
    assert Artifact.objects.get(logged_model__source_run=run).size == 5
    assert result.counts["files"] == (2, 2)
