"""The serving door on a live product: swaps, switches, withdrawals, masks, crashes, and a log that is exact."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from controlplane.stack.testing import LiveStack
from tests.flows.load import held_down, load
from tests.flows.processes import wait_for
from tests.flows.serving import ROW, TEAM, Service, service_make
from tests.flows.stack import people_make
from workers.inspection.tests import onnx_files


@pytest.fixture(scope="module")
def service(live_stack: LiveStack) -> Service:
    made = service_make(live_stack)
    made.approve(0)
    made.wait_live(0)
    return made


def routes_changed(service: Service, change: Any) -> Any:
    """Do something that changes the routes, and wait until the gateway follows."""
    before = service.serial()
    done = change()
    wait_for(lambda: service.serial() > before, 10, "the gateway to follow")
    return done


def test_a_swap_under_load_fails_no_request(service):
    service.live_make(0)

    with load(service.infer, service.stack.gateway_url, threads=6) as seen:
        wait_for(lambda: len(seen.replies) > 200, 30, "some load")
        service.approve(1)
        service.wait_live(1)
        after = len(seen.replies)
        wait_for(lambda: len(seen.replies) > after + 200, 30, "load after the swap")

    assert {reply.status for reply in seen.replies} == {200}
    versions = [json.loads(reply.body)["model_version"] for reply in seen.replies]
    assert set(versions) == {"1", "2"}
    assert versions[-1] == "2"


def test_a_rollback_under_load_fails_no_request_and_takes_less_than_five_seconds(service):
    service.live_make(0)
    service.live_make(1)

    with load(service.infer, service.stack.gateway_url, threads=6) as seen:
        wait_for(lambda: len(seen.replies) > 100, 30, "some load")
        begun = time.monotonic()
        service.switch("rollback")
        wait_for(lambda: service.answered_by() == 1, 10, "the version before")
        took = time.monotonic() - begun

    assert took < 5
    assert {reply.status for reply in seen.replies} == {200}


def test_the_kill_switch_takes_less_than_five_seconds(service):
    service.live_make(0)
    service.live_make(1)

    begun = time.monotonic()
    service.switch("kill")
    wait_for(lambda: service.answered_by() == 1, 10, "the first approved version")

    assert time.monotonic() - begun < 5
    assert service.live() == service.versions[0]


def test_a_paused_deployment_refuses_and_says_why(service):
    service.live_make(0)

    routes_changed(service, lambda: service.switch("pause"))
    answer = service.ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "a test" in answer.json()["detail"]

    service.switch("resume")
    service.wait_live(0)


def test_a_withdrawn_version_is_refused_at_the_door_within_two_seconds(service):
    service.live_make(0)
    request = service.approve(2)
    service.wait_live(2)

    service.owner.post(f"requests/{request}/withdraw-approval", {"reason": "a test"})
    begun = time.monotonic()
    wait_for(lambda: service.answered_by() != 3, 10, "the refusal")

    assert time.monotonic() - begun < 2
    wait_for(lambda: service.answered_by() == 1, 10, "the version before")
    with httpx.Client(base_url=service.stack.gateway_url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {service.people['pump-caller'].token}"}
        gone = client.post(f"/v2/models/{service.name}/versions/3/infer", json={}, headers=headers)
    assert gone.status_code == 404


def test_a_token_ends_with_its_owners_right(service):
    service.live_make(0)
    leaver = people_make(service.stack, {"pump-leaver": ("OPERATOR", TEAM)})["pump-leaver"]
    wait_for(lambda: service.ask(token=leaver.token).status_code == 200, 10, "the new token")
    person, admin = leaver.get("me")["id"], service.people["pump-admin"]
    grants = admin.get("grants", user_id=person)["results"]

    for grant in grants:
        routes_changed(service, lambda grant=grant: admin.call("DELETE", f"grants/{grant['id']}").expect(204))

    assert service.ask(token=leaver.token).status_code == 401


def test_masked_inputs_reach_neither_disk_nor_database(service):
    service.live_make(0)
    path = f"deployments/{service.deployment['id']}/mask"
    operator = service.people["pump-operator"]
    routes_changed(service, lambda: operator.call("PUT", path, {"mask": ["pressure"]}).expect(200))
    secret = 1.4142135623
    wait_for(service.log_quiet, 30, "a quiet log")
    before = service.count(200)
    spool = service.stack.home / "gateway"

    with held_down(service.stack, "web"):
        for _ in range(20):
            assert service.ask(ROW | {"pressure": secret}).status_code == 200
        kept = [path.read_bytes() for path in (spool / "spool").rglob("*") if path.is_file()]
        assert b'"pressure":"***"' in b"".join(kept)
        everything = [path.read_bytes() for path in spool.rglob("*") if path.is_file()]
        assert not [data for data in everything if str(secret).encode() in data]
    wait_for(lambda: service.count(200) == before + 20, 60, "the masked rows")

    found = "SELECT count(*) FROM deployments_predictionlog WHERE inputs::text LIKE %s"
    assert service.stored(found, f"%{secret}%") == 0
    assert service.stored(found, '%"pressure": "***"%') >= 20
    routes_changed(service, lambda: operator.call("PUT", path, {"mask": []}).expect(200))


@pytest.mark.slow
def test_the_log_holds_every_answer_and_every_refusal_once(service):
    service.live_make(0)
    wait_for(service.log_quiet, 30, "a quiet log")
    before = {status: service.count(status) for status in (200, 400)}
    wrong = ROW | {"age": "old"}

    def call(number: int) -> int:
        return service.ask(wrong if number % 5 == 0 else ROW, rows=1 + number % 3).status_code

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(call, range(300)))

    good = sum(1 + number % 3 for number in range(300) if number % 5)
    assert answers.count(200) == 240
    assert answers.count(400) == 60
    wait_for(lambda: service.count(200) >= before[200] + good, 30, "the answers in the log")
    wait_for(lambda: service.count(400) >= before[400] + 60, 30, "the refusals in the log")
    assert (service.count(200) - before[200], service.count(400) - before[400]) == (good, 60)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dataframe_records": [{**ROW, "age": "old"}]}, "age"),
        ({"dataframe_records": [{**ROW, "age": 1.5}]}, "age"),
        ({"dataframe_records": [{**ROW, "colour": "red"}]}, "colour"),
        ({"dataframe_records": [{**ROW, "kind": 7}]}, "kind"),
        ({"dataframe_split": {"columns": ["age", "pressure"], "data": [[1]]}}, None),
        ({"instances": "x"}, "instances"),
        ({}, "body"),
    ],
)
def test_what_is_wrong_with_a_row_is_a_400_that_names_the_field(service, body, field):
    service.live_make(0)

    answer = httpx.post(
        f"{service.stack.gateway_url}/{service.name}/invocations",
        json=body,
        headers={"Authorization": f"Bearer {service.people['pump-caller'].token}"},
        trust_env=False,
    )

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    if field is not None:
        assert answer.json()["field"] == field


@pytest.mark.slow
def test_killed_hosts_and_gateways_come_back_and_lose_nothing_that_was_answered(service):
    service.live_make(0)
    wait_for(service.log_quiet, 30, "a quiet log")
    before = service.count(200)

    with load(service.infer, service.stack.gateway_url, threads=2) as seen:
        wait_for(lambda: len(seen.replies) > 50, 30, "some load")
        for host in service.hosts():
            os.kill(host.pid, signal.SIGKILL)
        answered = len(seen.replies)
        wait_for(lambda: seen.count(200, answered) > 50, 60, "answers of the new host")
        gateway = service.stack.pid("gateway")
        os.kill(gateway, signal.SIGKILL)
        answered = len(seen.replies)
        wait_for(lambda: seen.count(200, answered) > 50, 60, "answers of the new gateway")

    assert service.stack.pid("gateway") != gateway
    assert {reply.status for reply in seen.replies} <= {200, 0, 503}
    answers = seen.count(200)
    wait_for(lambda: service.count(200) - before >= answers, 30, "the answers in the log")
    # A row may be written and its answer cut off by the kill; never the other way round.
    assert service.count(200) - before <= answers + 4
    assert service.owner.get(f"deployments/{service.deployment['id']}")["state"] in ("READY", "DEGRADED")


# Models that somebody uploads


RUN = """
import json, uuid
from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.experiments.services import experiment_get_or_create, run_create
actor = actor_of_user(User.objects.get(username="pump-scientist"))
made = []
for name in %r:
    experiment = experiment_get_or_create(
        actor=actor, team_id=uuid.UUID(%r), name="Brought along", problem_id=uuid.UUID(%r)
    )
    run = run_create(actor=actor, experiment_id=experiment.pk, name=name)
    made.append((experiment.number, run.pk.hex))
print("runs", json.dumps(made))
"""


def uploads_register(service: Service, files: dict[str, dict[str, bytes]]) -> dict[str, dict[str, Any]]:
    """{name: version}: each set of files is logged to a run of its own through MLflow's door and registered."""
    program = RUN % (list(files), service.team, service.problem)
    done = service.stack.manage("shell", "-c", program)
    assert done.returncode == 0, done.stderr
    runs = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("runs "))[5:])
    model = service.scientist.get("models", problem=service.problem)["results"][0]["id"]
    headers = {"Authorization": f"Bearer {service.scientist.token}"}
    found = {}
    for (name, parts), (number, run) in zip(files.items(), runs, strict=True):
        for path, data in parts.items():
            where = f"/api/2.0/mlflow-artifacts/artifacts/{number}/{run}/artifacts/model/{path}"
            answer = httpx.put(service.stack.url + where, content=data, headers=headers, trust_env=False)
            assert answer.status_code == 200, answer.text
        found[name] = service.scientist.post(f"models/{model}/versions", {"run_id": run, "path": "model"})
    return found


def mlmodel(loader: str) -> bytes:
    """The description that MLflow puts beside a model, naming what is to load it."""
    return f"artifact_path: model\nflavors:\n  python_function:\n    loader_module: {loader}\n".encode()


def lightgbm_text() -> bytes:
    import lightgbm

    draw = np.random.default_rng(1)
    data, truth = draw.normal(size=(200, 2)), draw.integers(0, 2, 200)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(data, truth), 3)
    return booster.model_to_string().encode()


class Payload:
    """What an attacker would pickle: something that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def test_uploaded_models_are_sealed_by_format_and_what_can_run_code_is_quarantined(service, tmp_path):
    evil = io.BytesIO()
    mark = tmp_path / "was-here"
    pickle.dump(Payload(mark), evil)
    trees, onnx = lightgbm_text(), onnx_files.logistic({"age": 0.1, "pressure": 2}, 1)

    found = uploads_register(
        service,
        {
            "booster": {"MLmodel": mlmodel("mlflow.lightgbm"), "model.txt": trees},
            "onnx": {"MLmodel": mlmodel("mlflow.onnx"), "model.onnx": onnx, "requirements.txt": b"onnx\n"},
            "pickle": {"MLmodel": mlmodel("mlflow.sklearn"), "model.pkl": evil.getvalue()},
            "renamed": {"MLmodel": mlmodel("mlflow.lightgbm"), "model.txt": evil.getvalue()},
            "junk": {"model.onnx": b"\x08\x07\x12\x04test"},
            "loader": {"MLmodel": mlmodel("os"), "model.txt": trees, "notes.md": b"The same trees, another loader."},
            "two": {"a.skops": b"PK", "b.onnx": b"x"},
            "nothing": {"README.md": b"hello"},
        },
    )

    told = {name: (version["state"], version["format"]) for name, version in found.items()}
    assert told["booster"] == ("SEALED", "LIGHTGBM")
    assert told["onnx"] == ("SEALED", "ONNX")
    for name, why in {
        "pickle": "run code",
        "renamed": "begins like a pickle",
        "junk": "ONNX",
        "loader": "the loader 'os'",
        "two": "More than one",
        "nothing": "No file in a format",
    }.items():
        assert told[name] == ("QUARANTINED", "")
        assert why in found[name]["quarantine_reason"]
    assert {row["path"] for row in found["pickle"]["manifest"]} == {"MLmodel", "model.pkl"}
    for version in found.values():
        refused = service.scientist.call("POST", "requests", {"model_version_id": version["id"]})
        assert refused.status in (400, 409), refused.text
    assert not mark.exists()
    file = f"{service.stack.url}/api/v1/versions/{found['pickle']['id']}/files/model.pkl"
    kept = httpx.get(file, headers={"Authorization": f"Bearer {service.scientist.token}"}, trust_env=False)
    assert kept.content == evil.getvalue()
    assert kept.headers["content-disposition"].startswith("attachment")
