"""A real gateway process for the tests, and waiting until something holds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from workers.serving.tests.control_stub import KEY, ControlStub

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "token-of-the-loan-desk"
PATIENCE = 20.0


def until(holds: Callable[[], Any], seconds: float = PATIENCE, what: str = "") -> float:
    """Waits until `holds()` is true and returns how long it took; fails after `seconds`."""
    started = time.monotonic()
    pause = threading.Event()
    while not holds():
        if time.monotonic() - started > seconds:
            raise AssertionError(f"did not come true within {seconds} s: {what or holds}")
        pause.wait(0.01)
    return time.monotonic() - started


class GatewayProcess:
    """`python -m workers.serving.gateway` against a stub, with a client that carries a token."""

    def __init__(self, control: ControlStub, directory: Path, *arguments: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        key = directory / "key"
        key.write_text(KEY)
        key.chmod(0o600)
        self.home = directory / "home"
        self.control = control
        self.log = directory / "gateway.log"
        with self.log.open("a") as sink:
            offset = sink.tell()
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "workers.serving.gateway", "--url", control.url, "--port", "0"),
                    *("--home", str(self.home), "--key-file", str(key), *arguments),
                ],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "FAIRWAY_SECRET": "must-not-reach-a-host"},
                stderr=sink,
            )
        until(lambda: "listening on " in self.text(offset), what="the gateway listens")
        self.url = self.text(offset).split("listening on ")[1].split()[0]
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20.0)

    def text(self, offset: int = 0) -> str:
        return self.log.read_text()[offset:]

    def ready(self, name: str) -> bool:
        return self.client.get(f"/v2/models/{name}/ready").status_code == 200

    def infer(self, name: str, body: dict[str, Any], **more: Any) -> httpx.Response:
        return self.client.post(f"/v2/models/{name}/infer", json=body, **more)

    def pid_of(self, version_id: str) -> int:
        for host in self.control.health.get("hosts", []):
            if host["version_id"] == version_id and host["pid"] is not None:
                return int(host["pid"])
        return 0

    def stop(self) -> int:
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=PATIENCE)

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait(timeout=PATIENCE)


def tensor(name: str, datatype: str, *values: Any) -> dict[str, Any]:
    """A V2 tensor of shape [n]."""
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": list(values)}


def person(age: Any = 40.0, **more: Any) -> dict[str, Any]:
    """A right request for the binary model, as records want it."""
    return {"age": age, "income": 3.5, "colour": "red", **more}


def row(age: float = 40.0) -> dict[str, Any]:
    """A right V2 request of one row for the binary model."""
    tensors = [tensor("age", "FP64", age), tensor("income", "FP64", 3.5), tensor("colour", "BYTES", "red")]
    return {"inputs": tensors}


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
