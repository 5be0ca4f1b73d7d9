"""What the gateway does when the control plane's word changes, is forged, runs out or stops coming."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from workers.contracts.routes import routes_sign
from workers.serving.tests.conftest import Entry, Shared, Start
from workers.serving.tests.control_stub import KEY, ControlStub
from workers.serving.tests.running import ROOT, GatewayProcess, row, until


def kind(response: httpx.Response) -> str:
    return str(response.json()["type"]).rpartition(":")[2]


def health(gateway: GatewayProcess) -> dict[str, Any]:
    return dict(httpx.get(f"{gateway.url}/health/ready").json())


def served(gateway: GatewayProcess) -> int:
    return gateway.infer("loan", row()).status_code


def test_withdrawn_version_is_refused_within_a_second(shared: Shared) -> None:
    shared.control.publish(shared.loan([], {}))

    until(lambda: shared.served() == 503, seconds=1.0, what="the withdrawn version is refused")
    assert kind(shared.gateway.infer("loan", row())) == "nothing-deployed"
    until(lambda: shared.control.states().get("v-1") == "ENDED", what="its process is reported as ended")
    until(lambda: not list((shared.gateway.home / "models").iterdir()), what="its files are gone")


def test_deployment_that_is_gone_refuses_its_tokens(shared: Shared) -> None:
    shared.control.publish()

    until(lambda: shared.served() == 401, seconds=1.0)


@pytest.mark.slow
def test_paused_deployment_says_why_and_resumes(shared: Shared) -> None:
    shared.control.publish(shared.loan([1], {1: 10_000}, state="PAUSED", reason="too many wrong refusals"))

    until(lambda: shared.served() == 503, seconds=1.0)
    response = shared.gateway.infer("loan", row())
    assert kind(response) == "deployment-paused"
    assert "too many wrong refusals" in response.json()["detail"]
    assert int(response.headers["retry-after"]) > 0
    shared.control.publish(shared.loan([1], {1: 10_000}))
    until(lambda: shared.served() == 200, seconds=1.0)


def test_revoked_token_is_refused_within_a_second(shared: Shared) -> None:
    shared.control.publish({**shared.loan([1], {1: 10_000}), "tokens": []})

    until(lambda: shared.served() == 401, seconds=1.0)


@pytest.mark.slow
def test_shares_decide_who_answers(shared: Shared) -> None:
    gateway = shared.gateway
    shared.control.publish(shared.loan([1, 2], {1: 10_000}))
    until(lambda: shared.control.states().get("v-2") == "READY", what="version 2 is warm")

    assert {gateway.infer("loan", row()).json()["model_version"] for _ in range(20)} == {"1"}
    assert gateway.client.post("/v2/models/loan/versions/2/infer", json=row()).status_code == 404

    shared.control.publish(shared.loan([1, 2], {1: 8_000, 2: 2_000}))
    until(lambda: gateway.client.get("/v2/models/loan").json()["versions"] == ["1", "2"])
    answers = [gateway.infer("loan", row()).json()["model_version"] for _ in range(400)]

    assert 40 < answers.count("2") < 140  # binomial with p = 0.2: beyond 5 standard deviations on either side
    named = gateway.client.post("/v2/models/loan/versions/2/infer", json=row()).json()
    assert named["model_version"] == "2"


def test_documents_that_must_not_be_believed(shared: Shared) -> None:
    control, gateway = shared.control, shared.gateway
    until(lambda: health(gateway)["serial"] == control.serial)
    serial = control.serial
    stolen = {**shared.loan([], {}), "tokens": []}
    key = KEY.encode()
    forgeries: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "signature": lambda document: routes_sign(document, b"the key of somebody else"),
        "expired": lambda document: routes_sign({**document, "expires_at": document["issued_at"]}, key),
        "older": lambda document: routes_sign({**document, "serial": serial - 1}, key),
        "two different contents": lambda document: routes_sign({**document, "serial": serial}, key),
        "malformed": lambda document: routes_sign({**document, "deployments": [{"id": "x"}]}, key),
    }

    for word, forge in forgeries.items():
        control.forge = lambda document, forge=forge: forge({**document, "serial": 99, "deployments": [stolen]})
        until(lambda word=word: word in health(gateway)["detail"], what=f"the gateway says: {word}")
        assert served(gateway) == 200
        assert health(gateway)["serial"] == serial


@pytest.mark.slow
def test_last_routes_hold_while_the_control_plane_is_away(control: ControlStub, start: Start, loan: Entry) -> None:
    control.publish(loan([1], {1: 10_000}))
    first = start()
    until(lambda: served(first) == 200)
    control.away = True
    until(lambda: health(first)["control_plane"] == "away")
    assert served(first) == 200
    first.kill()

    again = start()

    until(lambda: served(again) == 200, what="a gateway that starts alone serves from its disk")
    state = health(again)
    assert (state["control_plane"], state["serial"]) == ("away", 1)
    assert state["control_plane_away_since"]
    again.kill()

    path = again.home / "routes.json"
    assert path.stat().st_mode & 0o077 == 0
    stored = json.loads(path.read_text())
    stored["deployments"][0]["tokens"] = []
    path.write_text(json.dumps(stored))
    third = start()

    until(lambda: "reason" in health(third), what="changed routes on disk are not believed")
    assert kind(third.infer("loan", row())) == "no-routes"


def test_routes_are_renewed_in_time_and_not_used_beyond_it(shared: Shared) -> None:
    shared.control.lifetime = timedelta(seconds=2)
    shared.control.publish(shared.loan([1], {1: 10_000}))
    until(lambda: health(shared.gateway)["serial"] == shared.control.serial)
    first = health(shared.gateway)["routes_expire_at"]

    until(lambda: health(shared.gateway)["routes_expire_at"] > first, what="they are signed anew, unchanged")
    assert shared.served() == 200

    shared.control.away = True
    until(lambda: shared.served() == 503, what="the routes run out")
    assert kind(shared.gateway.infer("loan", row())) == "no-routes"
    assert health(shared.gateway)["reason"] == "the last signed routes have expired"
    shared.control.away = False
    until(lambda: shared.served() == 200, what="new routes bring it back")


@pytest.mark.slow
def test_serial_that_moves_with_the_clock_changes_nothing_by_itself(
    control: ControlStub, start: Start, loan: Entry
) -> None:
    control.serial_by_clock = True
    control.publish(loan([1], {1: 10_000}))
    gateway = start()
    until(lambda: served(gateway) == 200)
    stored = (gateway.home / "routes.json").stat().st_mtime_ns
    asked, posted = control.routes_asked, control.health_posts

    until(lambda: control.routes_asked >= asked + 4, what="four documents, each with another serial")

    assert (gateway.home / "routes.json").stat().st_mtime_ns == stored
    assert control.health_posts - posted <= 3
    assert gateway.text().count("are in force") == 1
    control.publish(loan([1], {1: 10_000}, state="PAUSED"))
    until(lambda: served(gateway) == 503, seconds=1.0)


def test_gateway_that_cannot_start_says_so_in_one_sentence(shared: Shared, tmp_path: Path) -> None:
    home = shared.gateway.home
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    port = shared.gateway.url.rpartition(":")[2]
    for arguments, code in (
        (["--home", str(home)], 73),
        (["--home", str(tmp_path / "other"), "--port", port], 75),
        (["--home", str(tmp_path / "other"), "--url", "ftp://x"], 64),
    ):
        done = gateway_once(shared.control, ["--key-file", str(key), *arguments])
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    key.chmod(0o644)
    done = gateway_once(shared.control, ["--key-file", str(key), "--home", str(tmp_path / "third")])
    assert (done.returncode, "chmod 600" in done.stderr) == (64, True)


def gateway_once(control: ControlStub, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.serving.gateway", "--url", control.url, "--port", "0", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
