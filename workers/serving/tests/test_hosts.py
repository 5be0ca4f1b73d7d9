"""The host processes: swaps, crashes, hostile files, and what a host may not have."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from workers.serving.tests import models
from workers.serving.tests.conftest import Entry, Fitted, Shared, Start
from workers.serving.tests.control_stub import ControlStub, deployment
from workers.serving.tests.running import ROOT, TOKEN, GatewayProcess, alive, row, until


class Load:
    """Clients that ask without pause, and count what they get."""

    def __init__(self, gateway: GatewayProcess, clients: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.versions: list[str] = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(gateway.url,)) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self, url: str) -> None:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20.0) as client:
            while not self.ended.is_set():
                response = client.post("/v2/models/loan/infer", json=row())
                self.statuses[response.status_code] += 1
                if response.status_code == 200:
                    self.versions.append(response.json()["model_version"])

    def end(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.slow
def test_swap_under_load_fails_no_request(shared: Shared) -> None:
    control, serving, loan = shared.control, shared.gateway, shared.loan
    logged = len(control.rows())
    load = Load(serving, clients=4)
    old = serving.pid_of("v-1")

    control.publish(loan([1, 2], {2: 10_000}))
    until(lambda: "2" in load.versions[-1:], what="version 2 answers")
    control.publish(loan([2], {2: 10_000}))
    until(lambda: not alive(old), what="the process of version 1 ends")
    control.publish(loan([2, 1], {1: 10_000}))
    until(lambda: "1" in load.versions[-1:], what="version 1 answers again")
    load.end()

    assert set(load.statuses) == {200}
    assert load.statuses[200] > 100
    assert set(load.versions) == {"1", "2"}
    total = load.statuses[200]
    until(
        lambda: len([r for r in control.rows() if r["status"] == 200]) - logged >= total,
        what="every answer is in the log, once",
    )


@pytest.mark.slow
def test_killed_host_comes_back(shared: Shared) -> None:
    serving = shared.gateway
    first = serving.pid_of("v-1")
    load = Load(serving, clients=3)

    os.kill(first, signal.SIGKILL)
    until(lambda: 503 in load.statuses, what="requests are refused while it is away")
    until(lambda: load.versions and serving.pid_of("v-1") not in (0, first) and serving.ready("loan"))
    load.end()

    assert set(load.statuses) == {200, 503}
    assert serving.infer("loan", row()).status_code == 200


@pytest.mark.slow
def test_refusal_while_a_host_is_away_says_when_to_come_back(control: ControlStub, start: Start, loan: Entry) -> None:
    entry = loan([1], {1: 10_000})
    del control.files[entry["versions"][0]["files"][0]["sha256"]]
    control.publish(entry)
    gateway = start()
    until(lambda: control.states().get("v-1") == "FAILED", what="the missing file is reported")

    response = gateway.infer("loan", row())

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "FAILED" in response.json()["detail"]
    loan([1], {1: 10_000})  # the file is there again
    until(lambda: gateway.infer("loan", row()).status_code == 200, what="it is fetched again by itself")


@pytest.mark.slow
def test_an_outage_of_the_control_plane_is_no_fault_of_the_version(
    control: ControlStub, start: Start, loan: Entry
) -> None:
    control.answer_files = 503
    control.publish(loan([1], {1: 10_000}))
    gateway = start()

    until(lambda: len(control.file_headers) > 4, what="it is asked for again and again")

    until(lambda: "answered 503" in control.health["hosts"][0]["error"], what="it is told why")
    assert control.states() == {"v-1": "FETCHING"}
    control.answer_files = 200
    until(lambda: gateway.infer("loan", row()).status_code == 200, what="it is loaded once the file can be had")


def test_file_that_is_not_the_signed_one_is_never_loaded(control: ControlStub, start: Start, loan: Entry) -> None:
    entry = loan([1], {1: 10_000})
    digest = entry["versions"][0]["files"][0]["sha256"]
    control.files[digest] = control.files[digest][:-1] + b"x"
    control.publish(entry)

    start()

    until(lambda: control.states().get("v-1") == "FAILED")
    until(lambda: "SHA-256" in control.health["hosts"][0]["error"])


@pytest.mark.slow
def test_a_version_that_states_more_classes_than_its_model_knows_is_never_served(
    control: ControlStub, start: Start, fitted: Fitted
) -> None:
    directory, facts = fitted["binary"]
    told = {**facts, "task": "MULTICLASS", "classes": ["no", "yes", "perhaps"]}
    control.publish(deployment("loan", [control.version("v-1", 1, directory, **told)], {"v-1": 10_000}, [TOKEN]))

    start()

    until(lambda: any("knows 2" in str(host["error"]) for host in control.health.get("hosts", [])))
    assert control.states()["v-1"] != "READY"


@pytest.mark.slow
def test_a_positive_class_that_is_called_0_is_the_one_that_is_decided_for(
    control: ControlStub, start: Start, fitted: Fitted
) -> None:
    directory, facts = fitted["binary"]
    plain = control.version("v-1", 1, directory, **facts)
    zero = control.version("v-2", 1, directory, **{**facts, "classes": ["1", "0"], "positive_label": "0"})
    control.publish(
        deployment("loan", [plain], {"v-1": 10_000}, [TOKEN]), deployment("turned", [zero], {"v-2": 10_000}, [TOKEN])
    )
    gateway = start()
    until(lambda: gateway.ready("loan") and gateway.ready("turned"))

    plainly, turned = (gateway.infer(name, row()).json()["outputs"] for name in ("loan", "turned"))

    by_name = [{one["name"]: one["data"] for one in outputs} for outputs in (plainly, turned)]
    assert by_name[0]["probabilities"] == by_name[1]["probabilities"]
    assert by_name[0]["decision"] == by_name[1]["decision"]
    assert by_name[1]["label"] == ["0" if by_name[1]["decision"][0] else "1"]


def test_gateway_never_takes_its_key_to_another_place(control: ControlStub, start: Start, loan: Entry) -> None:
    elsewhere = ControlStub()
    entry = loan([1], {1: 10_000})
    for file in entry["versions"][0]["files"]:
        elsewhere.files.update(control.files)
        file["url"] = elsewhere.url + file["url"]
    control.publish(entry)

    start()

    until(lambda: control.states().get("v-1") == "FAILED")
    assert elsewhere.file_headers == []
    elsewhere.close()


class Payload:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.mark}",))


def hostile_pickle(directory: Path, mark: str) -> None:
    (directory / "model.skops").write_bytes(pickle.dumps(Payload(mark)))


def hostile_side_file(directory: Path, mark: str) -> None:
    models.binary(directory)
    (directory / "model.pkl").write_bytes(pickle.dumps(Payload(mark)))


def hostile_skops(directory: Path, mark: str) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    skops.io.dump(FunctionTransformer(os.system), directory / "model.skops")


def test_hostile_models_are_quarantined_and_do_nothing(shared: Shared, tmp_path: Path, fitted: Fitted) -> None:
    mark = tmp_path / "was-here"
    entry = shared.loan([1], {})
    names = []
    for make in (hostile_pickle, hostile_side_file, hostile_skops):
        directory = tmp_path / make.__name__
        directory.mkdir()
        make(directory, str(mark))
        names.append(f"v-{make.__name__}")
        entry["versions"].append(shared.control.version(names[-1], 9, directory, **fitted["binary"][1]))
    entry["splits"] = [{"version_id": names[0], "basis_points": 10_000}]

    shared.control.publish(entry)

    until(lambda: all(shared.control.states().get(name) == "QUARANTINED" for name in names), what="quarantine")
    errors = {host["version_id"]: host["error"] for host in shared.control.health["hosts"]}
    assert all(errors[name] for name in names)
    assert not mark.exists()
    # The split names a version that cannot be loaded: the one before it goes on, because it is still listed.
    assert shared.gateway.infer("loan", row()).json()["model_version"] == "1"
    shared.control.publish({**entry, "versions": entry["versions"][1:]})
    until(lambda: shared.served() == 503, seconds=1.0, what="nothing that is listed can answer")


def test_host_has_nothing_but_its_model(shared: Shared) -> None:
    serving = shared.gateway
    process = Path(f"/proc/{serving.pid_of('v-1')}")

    environment = (process / "environ").read_bytes()
    for secret in (b"FAIRWAY", b"must-not-reach-a-host", b"DATABASE", b"TOKEN"):
        assert secret not in environment
    assert b"OMP_NUM_THREADS=1" in environment
    links = {number: os.readlink(process / "fd" / number) for number in os.listdir(process / "fd")}
    link = links.pop(max(links, key=int))
    assert link.startswith("socket:")  # to the gateway; the others are its error output and nothing
    assert sorted(links) == ["0", "1", "2"]
    status = (process / "status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    stored = serving.home / "models"
    assert stored.stat().st_mode & 0o777 == 0o700
    for path in stored.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def begun(control: ControlStub, start: Start, loan: Entry) -> GatewayProcess:
    control.publish(loan([1], {1: 10_000}))
    gateway = start()
    until(lambda: gateway.ready("loan") and gateway.pid_of("v-1"), what="version 1 is ready")
    return gateway


@pytest.mark.slow
def test_no_orphan_when_the_gateway_is_killed(control: ControlStub, start: Start, loan: Entry) -> None:
    serving = begun(control, start, loan)
    host = serving.pid_of("v-1")

    serving.kill()

    until(lambda: not alive(host), seconds=5.0, what="the host notices that its gateway is gone")


def test_sigterm_answers_what_is_under_way_and_leaves_nothing(control: ControlStub, start: Start, loan: Entry) -> None:
    serving = begun(control, start, loan)
    host = serving.pid_of("v-1")
    body = json.dumps(row()).encode()
    head = f"POST /v2/models/loan/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    address, _, port = serving.url.removeprefix("http://").partition(":")
    os.kill(host, signal.SIGSTOP)
    with socket.create_connection((address, int(port)), timeout=20) as link:
        link.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        serving.client.get("/health/live")  # sent later and answered: the request before it is under way

        serving.process.terminate()
        until(lambda: "stopping" in serving.text(), what="the gateway heard the signal")
        os.kill(host, signal.SIGCONT)
        answer = link.recv(65536)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer
    assert serving.stop() == 0
    assert not alive(host)
    assert [entry["status"] for entry in control.rows()] == [200]


def test_one_bad_row_does_not_fail_its_neighbours(control: ControlStub, start: Start, tmp_path: Path) -> None:
    import numpy as np
    import pandas as pd
    import skops.io
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": np.asarray([0.0, 1.0, 2.0])})
    (tmp_path / "strict").mkdir()
    skops.io.dump(LinearRegression().fit(frame, frame["a"]), tmp_path / "strict" / "model.skops")
    facts = {
        "signature": {"inputs": [{"name": "a", "datatype": "FP64", "required": False}], "outputs": []},
        "threshold": None,
        "task": "REGRESSION",
        "classes": None,
    }
    version = control.version("v-1", 1, tmp_path / "strict", **facts)
    control.publish(deployment("loan", [version], {"v-1": 10_000}, [TOKEN]))
    gateway = start()
    until(lambda: gateway.ready("loan"))
    statuses: list[tuple[bool, int]] = []

    def ask(bad: bool) -> None:
        with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            for _ in range(25):
                value = None if bad else 1.0  # a linear regression takes no missing value
                response = client.post("/loan/invocations", json={"instances": [{"a": value}]})
                statuses.append((bad, response.status_code))

    threads = [threading.Thread(target=ask, args=(number == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(statuses) == {(True, 400): 25, (False, 200): 75}


def test_gateway_loads_no_model_library_and_the_host_no_mlflow(fitted: dict[str, Any]) -> None:
    heavy = {"numpy", "pandas", "sklearn", "scipy", "mlflow", "django", "pyarrow", "lightgbm", "onnxruntime", "skops"}
    gateway = "import sys, workers.serving.gateway; print(*sys.modules)"
    host = (
        "import sys; from pathlib import Path; from workers.serving.host import model_open;"
        "model_open(Path(sys.argv[1])); print(*sys.modules)"
    )

    def modules(*command: str) -> set[str]:
        done = subprocess.run([sys.executable, "-c", *command], cwd=ROOT, capture_output=True, text=True, check=True)
        return {name.partition(".")[0] for name in done.stdout.split()}

    assert not modules(gateway) & heavy
    assert not modules(host, str(fitted["binary"][0])) & {"mlflow", "django"}
