"""The product's own processes under the supervisor, as `make run` starts them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.stack.ready import http_answer, http_status, port_answers, wait_until
from controlplane.stack.testing import LiveStack

# Whole products are killed in parts and started anew.
pytestmark = pytest.mark.slow

NAMES = ["postgres", "valkey", "web", "live", "worker", "beat", "gateway"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    with LiveStack(tmp_path_factory.mktemp("live") / "home") as made:
        yield made


def test_every_process_answers_and_status_tells_it(stack: LiveStack) -> None:
    def worker_answers() -> bool:
        return bool(json.loads(stack.manage("status", "--json").stdout)["workers"])

    wait_until(worker_answers, 60, "the worker")
    done = stack.manage("status", "--json")
    status = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert [entry["name"] for entry in status["processes"]] == NAMES
    assert {entry["name"]: entry["health"] for entry in status["processes"]} == dict.fromkeys(NAMES, "ok")
    assert all(entry["memory_bytes"] > 2**20 for entry in status["processes"])
    assert set(status["queues"]) == {"default", "jobs"}
    assert status["versions"]["postgresql"].startswith("18.")
    assert http_answer(f"{stack.url}/health/live") == (200, {"status": "ok"})
    assert http_status(f"{stack.gateway_url}/v2/health/live") == 200
    text = stack.manage("status").stdout
    assert all(name in text for name in NAMES)


def test_killed_web_master_frees_its_port_and_answers_again(stack: LiveStack) -> None:
    first = stack.pid("web")

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: stack.restarts("web") >= 1, 30, "the restart")
    wait_until(lambda: http_status(f"{stack.url}/health/ready") == 200, 60, "an answer")
    assert stack.pid("web") != first


def test_killed_gateway_and_worker_come_back(stack: LiveStack) -> None:
    for name in ("gateway", "worker"):
        os.kill(stack.pid(name), signal.SIGKILL)

    wait_until(lambda: min(stack.restarts("gateway"), stack.restarts("worker")) >= 1, 30, "the restarts")
    wait_until(lambda: http_status(f"{stack.gateway_url}/v2/health/live") == 200, 60, "the gateway")
    assert port_answers(stack.config.live_port)


def test_no_secret_stands_in_a_command_line(stack: LiveStack) -> None:
    values = [file.read_text() for file in (stack.home / "secrets").iterdir()]

    lines = " ".join(" ".join(process.cmdline()) for process in stack.family())

    assert not [value for value in values if value in lines]


def test_status_without_a_running_product_says_so(tmp_path: Path) -> None:
    stopped = LiveStack(tmp_path / "home")

    done = stopped.manage("status")

    assert done.returncode == 3
    assert "It does not run: make run starts it." in done.stdout
