"""What a client must not be able to do: climb out of a run, reach a stranger's, ride a session, plant a page."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import urlparse

import pytest
from django.test import Client

from apps.accounts.services import run_tokens_revoke
from apps.core.actors import Role
from apps.experiments import services
from apps.experiments.models import Artifact, Metric
from apps.experiments.tests.factories import artifact_make
from apps.mlflow_api.tests.conftest import Person, attempt_token, person_make

pytestmark = pytest.mark.django_db

CLIMBING = [
    "../other.txt",
    "a/../../b.txt",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/b.txt",
    "%2e%2e%2fb.txt",
    "..%5c..%5cb.txt",
    "%252e%252e%252fb.txt",
    "%252e%252e/b.txt",
    "a/./b.txt",
    "a//b.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "a/..",
    "..",
    ".",
    "C:/windows.txt",
    "a%00b.txt",
    "a%0ab.txt",
    "x" * 501,
]


def raw(server: str, method: str, path: str, token: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a path exactly as written; clients and libraries would tidy it."""
    address = urlparse(server)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.putrequest(method, path, skip_accept_encoding=True)
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.mark.django_db(transaction=True)
def test_no_spelling_of_a_path_leaves_the_run(live_server, store: Path):
    person = person_make()
    root = person.path()

    answers = {path: raw(live_server.url, "PUT", root + path, person.token, b"planted") for path in CLIMBING}
    read = {path: raw(live_server.url, "GET", root + path, person.token) for path in CLIMBING}

    assert {path: status for path, (status, _) in answers.items() if status not in (400, 404)} == {}
    assert {path: status for path, (status, _) in read.items() if status not in (400, 404)} == {}
    assert not Artifact.objects.exists()
    assert [p for p in store.rglob("*") if p.is_file()] == []


@pytest.mark.django_db(transaction=True)
def test_climbing_from_the_own_run_never_reaches_a_strangers_file(live_server):
    person, stranger = person_make(), person_make()
    artifact_make(stranger.actor, stranger.run, "secret.txt", b"secret")
    theirs = f"{stranger.experiment.number}/{stranger.run.pk.hex}/artifacts/secret.txt"
    root = person.path()
    tries = [f"../../../{theirs}", f"..%2f..%2f..%2f{theirs}", f"%2e%2e/%2e%2e/%2e%2e/{theirs}"]

    answers = [raw(live_server.url, "GET", root + path, person.token) for path in tries]
    straight = raw(live_server.url, "GET", stranger.path("secret.txt"), person.token)

    assert all(b"secret" not in content or status >= 400 for status, content in answers)
    assert {status for status, _ in answers} <= {400, 404}
    assert straight[0] == 404


def test_a_run_of_another_team_does_not_exist(person: Person, stranger: Person):
    client = Client(headers=person.headers)
    run_id = stranger.run.pk.hex
    batch = {"run_id": run_id, "metrics": [{"key": "loss", "value": 1, "timestamp": 1, "step": 0}]}

    answers = [
        client.get(f"/api/2.0/mlflow/runs/get?run_id={run_id}"),
        client.post("/api/2.0/mlflow/runs/log-batch", batch, content_type="application/json"),
        client.post("/api/2.0/mlflow/runs/update", {"run_id": run_id, "status": "FAILED"}, "application/json"),
        client.post("/api/2.0/mlflow/runs/set-tag", {"run_id": run_id, "key": "a", "value": "b"}, "application/json"),
        client.get(f"/api/2.0/mlflow/artifacts/list?run_id={run_id}"),
        client.put(stranger.path("a.txt"), b"x", content_type="application/octet-stream"),
        client.get(f"/api/2.0/mlflow/experiments/get?experiment_id={stranger.experiment.number}"),
        client.post(
            "/api/2.0/mlflow/logged-models",
            {"experiment_id": str(stranger.experiment.number), "source_run_id": run_id},
            content_type="application/json",
        ),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert {answer.json()["error_code"] for answer in answers} == {"RESOURCE_DOES_NOT_EXIST"}
    assert not Metric.objects.exists()


def test_a_file_is_asked_for_under_its_own_experiment(person: Person):
    artifact_make(person.actor, person.run, "a.txt")
    path = person.path("a.txt").replace(f"/{person.experiment.number}/", f"/{person.experiment.number + 1}/", 1)

    answer = Client(headers=person.headers).get(path)

    assert answer.status_code == 404


def test_the_token_of_an_attempt_reaches_no_other_run_no_other_model_and_nothing_else(person: Person):
    mine, other = person.run, services.run_create(actor=person.actor, experiment=person.experiment.pk, name="other")
    theirs = services.logged_model_create(
        actor=person.actor, experiment_number=person.experiment.number, name="m", source_run_id=other.pk
    )
    client = Client(headers={"Authorization": f"Bearer {attempt_token(person, mine)}"})
    number = person.experiment.number

    allowed = client.post(
        "/api/2.0/mlflow/runs/set-tag", {"run_id": mine.pk.hex, "key": "a", "value": "b"}, "application/json"
    )
    refused = [
        client.get(f"/api/2.0/mlflow/runs/get?run_id={other.pk.hex}"),
        client.put(f"/api/2.0/mlflow-artifacts/artifacts/{number}/{other.pk.hex}/artifacts/a", b"x"),
        client.put(f"/api/2.0/mlflow-artifacts/artifacts/{number}/models/m-{theirs.pk.hex}/artifacts/a", b"x"),
        client.patch(
            f"/api/2.0/mlflow/logged-models/m-{theirs.pk.hex}", {"status": "LOGGED_MODEL_READY"}, "application/json"
        ),
        client.get(f"/api/2.0/mlflow/experiments/get?experiment_id={number}"),
        client.get("/api/v1/runs"),
    ]

    assert allowed.status_code == 200
    assert [answer.status_code for answer in refused[:5]] == [404] * 5
    assert refused[5].status_code in (401, 403)


def test_an_attempt_logs_no_model_without_its_run(person: Person):
    client = Client(headers={"Authorization": f"Bearer {attempt_token(person)}"})

    answer = client.post(
        "/api/2.0/mlflow/logged-models",
        {"experiment_id": str(person.experiment.number), "name": "loose"},
        content_type="application/json",
    )

    assert answer.status_code == 403


def test_a_revoked_attempt_is_nobody(person: Person):
    from apps.accounts.models import RunToken

    client = Client(headers={"Authorization": f"Bearer {attempt_token(person)}"})
    run_tokens_revoke(attempt_id=RunToken.objects.get().attempt_id)

    answer = client.get(f"/api/2.0/mlflow/runs/get?run_id={person.run.pk.hex}")

    assert answer.status_code == 401


def test_a_viewer_reads_and_writes_nothing():
    viewer = person_make(Role.VIEWER)
    client = Client(headers=viewer.headers)

    read = client.get(f"/api/2.0/mlflow/runs/get?run_id={viewer.run.pk.hex}")
    wrote = client.post(
        "/api/2.0/mlflow/runs/log-metric",
        {"run_id": viewer.run.pk.hex, "key": "a", "value": 1, "timestamp": 1},
        content_type="application/json",
    )
    sent = client.put(viewer.path("a.txt"), b"x", content_type="application/octet-stream")

    assert read.status_code == 200
    assert (wrote.status_code, wrote.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert sent.status_code == 403


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "run.js", "model.pkl"])
def test_what_was_uploaded_comes_back_as_an_attachment_that_cannot_run(person: Person, name: str):
    client = Client(headers=person.headers)
    client.put(person.path(name), b"<svg onload=alert(1)>", content_type="text/html")

    answers = [client.get(person.path(name)), client.get(f"/api/v1/runs/{person.run.pk}/artifacts/{name}")]
    browser = Client()
    browser.force_login(person.user)
    answers.append(browser.get(f"/runs/{person.run.pk}/files/{name}"))

    for answer in answers:
        assert answer.status_code == 200
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_another_site_cannot_ride_a_session(person: Person):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person.user)
    body = {"run_id": person.run.pk.hex, "key": "planted", "value": "yes"}

    posted = browser.post("/api/2.0/mlflow/runs/set-tag", body, content_type="application/json")
    simple = browser.post("/api/2.0/mlflow/runs/set-tag", json.dumps(body), content_type="text/plain")
    sent = browser.put(person.path("a.txt"), b"x", content_type="application/octet-stream")
    read = browser.get(f"/api/2.0/mlflow/runs/get?run_id={person.run.pk.hex}")

    assert (posted.status_code, simple.status_code, sent.status_code) == (403, 403, 403)
    assert read.status_code == 200
    person.run.refresh_from_db()
    assert person.run.tags == {}


def test_a_token_that_may_only_read_writes_nothing():
    reader = person_make(scopes=("read",))

    answer = Client(headers=reader.headers).post(
        "/api/2.0/mlflow/runs/set-tag",
        {"run_id": reader.run.pk.hex, "key": "a", "value": "b"},
        content_type="application/json",
    )

    assert answer.status_code == 403


def test_strangers_are_told_how_to_come_in(person: Person):
    for path in ("/api/2.0/mlflow/runs/get?run_id=1", person.path("a.txt"), "/api/2.0/mlflow/anything"):
        answer = Client().get(path)

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["error_code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs/log-batch", b"[1]"),
        ("runs/log-batch", b"{"),
        ("runs/log-batch", b'{"run_id": 7}'),
        ("runs/log-batch", b'{"run_id": "zz"}'),
        ("runs/update", b'{"run_id": "RUN", "status": "DONE"}'),
        ("runs/update", b'{"run_id": "RUN", "end_time": "99999999999999999999"}'),
        ("runs/update", b'{"run_id": "RUN", "end_time": 9999999999999999}'),
        ("runs/log-metric", b'{"run_id": "RUN", "key": "a", "value": "many", "timestamp": 1}'),
        ("runs/log-metric", b'{"run_id": "RUN", "key": "a", "value": true, "timestamp": 1}'),
        ("runs/log-metric", b'{"run_id": "RUN", "key": "a", "value": 1, "timestamp": 1e400}'),
        ("runs/log-metric", b'{"run_id": "RUN", "key": "a\\u0000", "value": 1, "timestamp": 1}'),
        ("runs/log-parameter", b'{"run_id": "RUN", "key": "", "value": "1"}'),
        ("runs/set-tag", b'{"run_id": "RUN", "key": "a", "value": "\\u0000"}'),
        ("runs/log-batch", b'{"run_id": "RUN", "metrics": {}}' + b" " * 10),
        ("logged-models", b'{"experiment_id": "x"}'),
        ("logged-models", b'{"experiment_id": "1", "params": [1]}'),
    ],
)
def test_nonsense_is_a_400_in_mlflows_words(person: Person, path: str, body: bytes):
    sent = body.replace(b"RUN", person.run.pk.hex.encode())

    answer = Client(headers=person.headers).post(f"/api/2.0/mlflow/{path}", sent, content_type="application/json")

    assert answer.status_code in (400, 404), answer.content
    assert answer.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
    assert not Metric.objects.exists()


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["2.0/mlflow/gateway-proxy", "3.0/mlflow/scorers", "2.0/mlflow/x/%2e%2e"])
def test_unknown_calls_say_that_they_are_not_implemented(person: Person, method: str, path: str):
    answer = getattr(Client(headers=person.headers), method)(f"/api/{path}")

    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"


def test_a_param_never_changes_and_a_repeated_batch_changes_nothing(person: Person):
    client = Client(headers=person.headers)
    batch = {
        "run_id": person.run.pk.hex,
        "metrics": [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 0}],
        "params": [{"key": "depth", "value": "4"}],
    }

    first = client.post("/api/2.0/mlflow/runs/log-batch", batch, content_type="application/json")
    again = client.post("/api/2.0/mlflow/runs/log-batch", batch, content_type="application/json")
    other = client.post(
        "/api/2.0/mlflow/runs/log-parameter",
        {"run_id": person.run.pk.hex, "key": "depth", "value": "5"},
        content_type="application/json",
    )

    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 400)
    assert Metric.objects.count() == 1


def test_measurements_that_another_team_claims_for_a_model_do_not_count(person: Person, stranger: Person):
    model = services.logged_model_create(
        actor=person.actor, experiment_number=person.experiment.number, name="net", source_run_id=person.run.pk
    )
    claimed = {"key": "auc", "value": 0.99, "timestamp": 1, "step": 0, "model_id": f"m-{model.pk.hex}"}
    for who, value in ((stranger, 0.99), (person, 0.7)):
        body = {"run_id": who.run.pk.hex, "metrics": [{**claimed, "value": value}]}
        post = Client(headers=who.headers).post
        assert post("/api/2.0/mlflow/runs/log-batch", body, content_type="application/json").status_code == 200

    client = Client(headers=person.headers)
    shown = client.get(f"/api/2.0/mlflow/logged-models/m-{model.pk.hex}").json()["model"]["data"]["metrics"]
    asked = {"experiment_ids": [str(person.experiment.number)], "filter": "metrics.auc > 0.9"}
    found = client.post("/api/2.0/mlflow/logged-models/search", asked, content_type="application/json").json()

    assert [metric["value"] for metric in shown] == [0.7]
    assert found == {}
