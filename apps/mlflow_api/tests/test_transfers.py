"""Files by other ways than the proxy: small ones as MLflow's pages send them, and ways that the store does not have."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.core.actors import Role
from apps.experiments.models import Artifact
from apps.mlflow_api.api import artifacts
from apps.mlflow_api.tests.conftest import Caller, Person, person_make

pytestmark = pytest.mark.django_db
UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"


def send(person: Person, path: str, data: bytes = b"words", *, run_of: Person | None = None) -> int:
    query = {"run_uuid": (run_of or person).run.pk.hex, "path": path}
    sent = Client(headers=person.headers).post(UPLOAD, data, content_type="text/plain", query_params=query)
    return sent.status_code


def test_a_small_file_comes_in_and_goes_out(person: Person):
    status = send(person, "notes/a.txt")

    answer = Client(headers=person.headers).get(person.path("notes/a.txt"))
    assert status == 200
    assert b"".join(answer.streaming_content) == b"words"


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "a\\b", "%2e%2e/a", "", "x" * 501])
def test_a_small_file_stays_below_its_run(person: Person, path: str):
    assert send(person, path) == 400
    assert not Artifact.objects.exists()


def test_a_file_that_is_empty_or_not_small_is_refused(person: Person, monkeypatch):
    monkeypatch.setattr(artifacts, "SMALL", 4)

    assert (send(person, "a", b""), send(person, "a", b"12345"), send(person, "a", b"1234")) == (400, 400, 200)


def test_strangers_and_viewers_send_no_file(person: Person, stranger: Person):
    viewer = person_make(Role.VIEWER, person.team)
    query = {"run_uuid": person.run.pk.hex, "path": "a"}
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person.user)

    statuses = [
        send(stranger, "a", run_of=person),
        send(viewer, "a", run_of=person),
        Client().post(UPLOAD, b"x", content_type="text/plain", query_params=query).status_code,
        browser.post(UPLOAD, b"x", content_type="text/plain", query_params=query).status_code,
    ]

    assert statuses == [404, 403, 401, 403]
    assert not Artifact.objects.exists()


def test_transfers_that_the_store_does_not_have_tell_a_stranger_nothing(person: Person, stranger: Person):
    root = "/api/2.0/mlflow-artifacts/"
    path = f"{person.experiment.number}/{person.run.pk.hex}/artifacts/model"
    run_id = person.run.pk.hex
    calls = [
        ("post", f"mpu/create/{path}", {"path": f"{path}/a", "num_parts": 2}, "Multipart upload"),
        ("post", f"mpu/complete/{path}", {"path": f"{path}/a", "upload_id": "u", "parts": []}, "Multipart upload"),
        ("post", f"mpu/abort/{path}", {"path": f"{path}/a", "upload_id": "u"}, "Multipart upload"),
        ("get", f"presigned/{path}/a", {}, "Multipart download"),
    ]
    urls = [
        ("artifacts/presigned-upload-url", {"run_id": run_id, "path": "a"}, "Presigned upload"),
        ("artifacts/presigned-download-url", {"run_id": run_id, "path": "a"}, "Presigned download"),
    ]

    mine = [getattr(Caller(person, root), method)(at, **body) for method, at, body, _ in calls]
    mine += [Caller(person).post(at, **body) for at, body, _ in urls]
    theirs = [getattr(Caller(stranger, root), method)(at, **body) for method, at, body, _ in calls]
    theirs += [Caller(stranger).post(at, **body) for at, body, _ in urls]
    nobody = [getattr(Caller({}, root), method)(at, **body)[0] for method, at, body, _ in calls]

    words = [said for *_, said in [*calls, *urls]]
    assert [(status, body["error_code"]) for status, body in mine] == [(501, "NOT_IMPLEMENTED")] * 6
    assert [body["message"] for _, body in mine] == [
        f"{said} is not supported for the current artifact repository" for said in words
    ]
    assert [status for status, _ in theirs] == [404] * 6
    assert nobody == [401] * 4


@pytest.mark.feature("artifacts", "a client that would send and fetch in parts does so in one piece")
@pytest.mark.django_db(transaction=True)
def test_a_client_told_to_send_in_parts_sends_in_one_piece(mlflow_client, monkeypatch, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    person = person_make()
    mlflow_client(person.token)
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "10")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "10")
    file = tmp_path / "large.bin"
    file.write_bytes(b"x" * 1000)

    with mlflow.start_run(run_id=person.run.pk.hex):
        mlflow.log_artifact(str(file))
    fetched = mlflow.artifacts.download_artifacts(
        run_id=person.run.pk.hex, artifact_path="large.bin", dst_path=str(tmp_path / "back")
    )

    with open(fetched, "rb") as handle:
        assert handle.read() == b"x" * 1000
