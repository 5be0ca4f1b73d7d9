"""For tests: embedded servers when none are given, and a whole live product on free ports.

As a pytest plugin (`-p controlplane.stack.testing`) it gives a run PostgreSQL and Valkey of its own in a temporary home
before Django's settings are read, unless DATABASE_URL and REDIS_URL name servers. The worker processes of xdist inherit
them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from controlplane.stack.config import ROOT, StackConfig
from controlplane.stack.embedded import Embedded, config_for, embedded_urls
from controlplane.stack.ports import ports_free
from controlplane.stack.ready import http_status, wait_until
from controlplane.stack.state import state_read
from controlplane.stack.tree import descendants

__all__ = ["EmbeddedForTests", "LiveStack", "wait_until"]


class EmbeddedForTests:
    """PostgreSQL and Valkey in a temporary home for one run of the tests; says where they are in os.environ."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="fairway-test-"))
        self.embedded = Embedded(config_for(self.home, DATABASE_URL="", REDIS_URL=""), durable=False)

    def start(self) -> None:
        self.embedded.start()
        os.environ["DATABASE_URL"] = self.embedded.database_url
        os.environ["REDIS_URL"] = self.embedded.redis_url
        os.environ["FAIRWAY_HOME"] = str(self.home)

    def stop(self) -> None:
        self.embedded.stop()
        shutil.rmtree(self.home, ignore_errors=True)


_servers: list[EmbeddedForTests] = []


def pytest_load_initial_conftests(early_config: Any, parser: Any, args: list[str]) -> None:
    """Before pytest-django reads the settings: start servers unless both are given."""
    del early_config, parser
    asks_only = {"--version", "--help", "-h", "--fixtures", "--markers"} & set(args)
    if asks_only or (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        return
    servers = EmbeddedForTests()
    servers.start()
    _servers.append(servers)


pytest_load_initial_conftests.pytest_impl = {"tryfirst": True}  # type: ignore[attr-defined]


def pytest_unconfigure(config: Any) -> None:
    """End what this run started."""
    del config
    while _servers:
        _servers.pop().stop()


class LiveStack:
    """The whole product on free ports with a home of its own, as `make run` starts it, while the context is open.

    On leaving, it is stopped by SIGTERM and must leave no process behind, else AssertionError. `environ` adds variables
    (a DATABASE_URL given there, or inherited, replaces the embedded server unless `embedded` is true).
    """

    command: tuple[str, ...] = (sys.executable, "-m", "controlplane.stack", "run", "--not-durable")

    def __init__(
        self,
        home: Path,
        *,
        environ: Mapping[str, str] | None = None,
        embedded: bool = True,
        seconds: float = 180,
    ) -> None:
        port, live_port, gateway_port = ports_free(3)
        changes = {"PORT": str(port), "LIVE_PORT": str(live_port), "GATEWAY_PORT": str(gateway_port)}
        if embedded:
            changes |= {"DATABASE_URL": "", "REDIS_URL": ""}
        changes |= dict(environ or {})
        changes["DJANGO_SETTINGS_MODULE"] = changes.get("DJANGO_SETTINGS_MODULE", "controlplane.settings.dev")
        changes["ALLOWED_HOSTS"] = changes.get("ALLOWED_HOSTS", "localhost,127.0.0.1")
        self.config: StackConfig = config_for(home, **changes)
        self.home = self.config.home
        self.seconds = seconds
        self.url = self.config.web_url
        self.live_url = self.config.live_url
        self.gateway_url = self.config.gateway_url
        self.process: subprocess.Popen[bytes] | None = None
        self.output = home / "output.txt"

    def start(self) -> None:
        """Start and wait until everything answers. Raises AssertionError with what was said otherwise."""
        self.home.mkdir(parents=True, exist_ok=True)
        env = dict(self.config.environ) | {"PYTHONPATH": str(ROOT)}
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                list(self.command),
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        process = self.process

        def settled() -> bool:
            return process.poll() is not None or self.ready()

        try:
            wait_until(settled, self.seconds, "the live product")
        except TimeoutError:
            self.stop()
            raise AssertionError(f"not ready in time:\n{self.said()}") from None
        assert process.poll() is None, f"it ended with {process.returncode}:\n{self.said()}"  # noqa: S101

    def ready(self) -> bool:
        """Whether its supervisor says so and the web process answers."""
        state = state_read(self.home)
        mine = self.process is not None and state.get("guard_pid") == self.process.pid
        return mine and bool(state.get("ready")) and http_status(f"{self.url}/health/ready") == 200

    def said(self) -> str:
        """What it wrote to its terminal so far."""
        return self.output.read_text(errors="replace")[-6000:] if self.output.exists() else ""

    def pid(self, name: str) -> int:
        """The process id of one of its children. Raises LookupError while there is none."""
        for entry in state_read(self.home).get("processes", []):
            if entry["name"] == name and entry["pid"]:
                return int(entry["pid"])
        raise LookupError(name)

    def restarts(self, name: str) -> int:
        """How often a child was started again."""
        return next(int(e["restarts"]) for e in state_read(self.home).get("processes", []) if e["name"] == name)

    def manage(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command of manage.py against it."""
        database_url, redis_url = embedded_urls(self.config)
        env = dict(self.config.environ) | {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)

    def family(self) -> list[psutil.Process]:
        """Every process of it that lives now."""
        return [psutil.Process(self.process.pid), *descendants(self.process.pid)] if self.process else []

    def stop(self) -> None:
        """Stop by SIGTERM. Raises AssertionError naming what outlived it."""
        if self.process is None:
            return
        family = self.family() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=60)
        left = [f"{p.pid} {p.cmdline()}" for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        self.process = None
        assert not left, f"left behind: {left}"  # noqa: S101

    def __enter__(self) -> LiveStack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
