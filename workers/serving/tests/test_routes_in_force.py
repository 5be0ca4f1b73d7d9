"""What the gateway does when the control plane's word changes, is forged, runs out or stops coming."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from workers.contracts.routes import routes_sign
from workers.serving.tests.conftest import Start
from workers.serving.tests.control_stub import KEY, ControlStub
from workers.serving.tests.running import GatewayProcess, row, until

Entry = Callable[..., dict[str, Any]]


def served(gateway: GatewayProcess) -> int:
    return gateway.infer("loan", row()).status_code


def kind(response: httpx.Response) -> str:
    return str(response.json()["type"]).rpartition(":")[2]


@pytest.fixture
def serving(control: ControlStub, start: Start, loan: Entry) -> GatewayProcess:
    control.publish(loan([1], {1: 10_000}))
    gateway = start()
    until(lambda: served(gateway) == 200, what="version 1 answers")
    return gateway


def test_withdrawn_version_is_refused_within_a_second(
    control: ControlStub, serving: GatewayProcess, loan: Entry
) -> None:
    control.publish(loan([], {}))

    until(lambda: served(serving) == 503, seconds=1.0, what="the withdrawn version is refused")
    assert kind(serving.infer("loan", row())) == "nothing-deployed"
    until(lambda: control.states().get("v-1") == "ENDED", what="its process is reported as ended")


def test_deployment_that_is_gone_is_a_404(control: ControlStub, serving: GatewayProcess) -> None:
    control.publish()

    until(lambda: served(serving) == 401, seconds=1.0)  # its tokens are gone with it


def test_paused_deployment_says_why_and_resumes(control: ControlStub, serving: GatewayProcess, loan: Entry) -> None:
    control.publish(loan([1], {1: 10_000}, state="PAUSED", reason="too many wrong refusals"))

    until(lambda: served(serving) == 503, seconds=1.0)
    response = serving.infer("loan", row())
    assert kind(response) == "deployment-paused"
    assert "too many wrong refusals" in response.json()["detail"]
    assert int(response.headers["retry-after"]) > 0
    control.publish(loan([1], {1: 10_000}))
    until(lambda: served(serving) == 200, seconds=1.0)


def test_revoked_token_is_refused_within_a_second(control: ControlStub, serving: GatewayProcess, loan: Entry) -> None:
    control.publish({**loan([1], {1: 10_000}), "tokens": []})

    until(lambda: served(serving) == 401, seconds=1.0)


def test_version_without_a_share_takes_no_traffic(control: ControlStub, serving: GatewayProcess, loan: Entry) -> None:
    control.publish(loan([1, 2], {1: 10_000}))
    until(lambda: control.states().get("v-2") == "READY", what="version 2 is warm")

    answers = {serving.infer("loan", row()).json()["model_version"] for _ in range(20)}
    assert answers == {"1"}
    assert serving.client.post("/v2/models/loan/versions/2/infer", json=row()).status_code == 404


def test_split_is_kept_in_proportion(control: ControlStub, serving: GatewayProcess, loan: Entry) -> None:
    control.publish(loan([1, 2], {1: 8_000, 2: 2_000}))
    until(lambda: control.states().get("v-2") == "READY")
    until(lambda: serving.client.get("/v2/models/loan").json()["versions"] == ["1", "2"])

    answers = [serving.infer("loan", row()).json()["model_version"] for _ in range(400)]

    assert 40 < answers.count("2") < 140  # binomial with p = 0.2: beyond 5 standard deviations on either side
    versions = {serving.client.post("/v2/models/loan/versions/2/infer", json=row()).json()["model_version"]}
    assert versions == {"2"}


@pytest.mark.parametrize("how", ["forged", "expired", "rolled back", "malformed", "same serial"])
def test_documents_that_must_not_be_believed(
    control: ControlStub, serving: GatewayProcess, loan: Entry, how: str
) -> None:
    control.publish(loan([1], {1: 10_000}))
    until(lambda: httpx.get(f"{serving.url}/health/ready").json()["serial"] == 2)
    stolen = {**loan([], {}), "tokens": []}

    def forge(document: dict[str, Any]) -> dict[str, Any]:
        changed = {**document, "serial": 9, "deployments": [stolen]}
        if how == "forged":
            return routes_sign(changed, b"the key of somebody else")
        if how == "expired":
            return routes_sign({**changed, "expires_at": document["issued_at"]}, KEY.encode())
        if how == "rolled back":
            return routes_sign({**changed, "serial": 1}, KEY.encode())
        if how == "same serial":
            return routes_sign({**changed, "serial": 2}, KEY.encode())
        return routes_sign({**changed, "deployments": [{"id": "x"}]}, KEY.encode())

    control.forge = forge
    until(lambda: "refused" in control.health.get("routes_error", ""), what="the gateway reports the refusal")

    assert served(serving) == 200
    assert httpx.get(f"{serving.url}/health/ready").json()["serial"] == 2


def test_last_routes_hold_while_the_control_plane_is_away(
    control: ControlStub, serving: GatewayProcess, start: Start
) -> None:
    control.away = True
    until(lambda: httpx.get(f"{serving.url}/health/ready").json()["control_plane"] == "away")
    assert served(serving) == 200
    serving.kill()

    again = start()

    until(lambda: served(again) == 200, what="a gateway that starts alone serves from its disk")
    health = httpx.get(f"{again.url}/health/ready").json()
    assert (health["control_plane"], health["serial"]) == ("away", 1)
    assert health["control_plane_away_since"]


def test_routes_that_run_out_are_not_used(control: ControlStub, start: Start, loan: Entry) -> None:
    control.lifetime = timedelta(seconds=4)
    control.publish(loan([1], {1: 10_000}))
    gateway = start()
    until(lambda: served(gateway) == 200)

    control.away = True

    until(lambda: served(gateway) == 503, what="the routes expire")
    assert kind(gateway.infer("loan", row())) == "no-routes"
    ready = httpx.get(f"{gateway.url}/health/ready")
    assert (ready.status_code, ready.json()["reason"]) == (503, "the last signed routes have expired")
    control.away = False
    until(lambda: served(gateway) == 200, what="new routes bring it back")


def test_stored_routes_are_verified_like_any_other(control: ControlStub, serving: GatewayProcess, start: Start) -> None:
    control.away = True
    serving.kill()
    path = serving.home / "routes.json"
    stored = json.loads(path.read_text())
    assert path.stat().st_mode & 0o077 == 0
    stored["deployments"][0]["tokens"] = []
    path.write_text(json.dumps(stored))

    again = start()

    until(lambda: httpx.get(f"{again.url}/health/ready").status_code == 503)
    assert kind(again.infer("loan", row())) == "no-routes"


def test_short_lived_routes_are_renewed_although_nothing_changes(
    control: ControlStub, start: Start, loan: Entry
) -> None:
    control.lifetime = timedelta(seconds=2)
    control.publish(loan([1], {1: 10_000}))
    gateway = start()
    until(lambda: served(gateway) == 200)
    first = httpx.get(f"{gateway.url}/health/ready").json()["routes_expire_at"]

    until(lambda: httpx.get(f"{gateway.url}/health/ready").json()["routes_expire_at"] > first)

    assert served(gateway) == 200


def test_gateway_that_cannot_start_says_so_in_one_sentence(
    control: ControlStub, start: Start, serving: GatewayProcess, loan: Entry
) -> None:
    key = serving.home.parent / "key"
    for arguments, code in (
        (["--home", str(serving.home)], 73),
        (["--home", str(serving.home.parent / "other"), "--port", serving.url.rpartition(":")[2]], 75),
    ):
        done = gateway_once(control, ["--key-file", str(key), *arguments])
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    key.chmod(0o644)
    done = gateway_once(control, ["--key-file", str(key), "--home", str(serving.home.parent / "third")])
    assert (done.returncode, "chmod 600" in done.stderr) == (64, True)


def gateway_once(control: ControlStub, arguments: list[str]) -> Any:
    import subprocess
    import sys

    from workers.serving.tests.running import ROOT

    command = [sys.executable, "-m", "workers.serving.gateway", "--url", control.url, "--port", "0", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
