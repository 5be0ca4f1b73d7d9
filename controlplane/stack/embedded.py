"""The embedded servers alone: for one command of manage.py, and for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from controlplane.stack.config import StackConfig
from controlplane.stack.messages import StackError
from controlplane.stack.postgres import database_url
from controlplane.stack.ready import wait_until
from controlplane.stack.state import state_read
from controlplane.stack.valkey import broker_url


def embedded_urls(config: StackConfig) -> tuple[str, str]:
    """Addresses of database and queue of a running installation, with the given ones in place of embedded ones.

    Empty texts where the installation has never run.
    """
    sockets = state_read(config.home).get("sockets") or ""
    database = config.database_url or (database_url(config.home, Path(sockets)) if sockets else "")
    broker = config.redis_url or (broker_url(config.home, Path(sockets)) if sockets else "")
    return database, broker


class Embedded:
    """Runs database and queue of one home under a guard while the context is open.

    They also end when the process that opened it dies, however it dies: they watch a pipe that only it holds.
    """

    def __init__(self, config: StackConfig, *, durable: bool = True, seconds: float = 60) -> None:
        self.config = config
        self.durable = durable
        self.seconds = seconds
        self.database_url = self.redis_url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises StackError with the supervisor's own sentence when they do not start."""
        command = [
            sys.executable, "-m", "controlplane.stack", "run", "--embedded-only", "--until-input-ends",
            *(() if self.durable else ("--not-durable",)),
        ]  # fmt: skip
        env = dict(self.config.environ) | {"FAIRWAY_HOME": str(self.config.home), "PYTHONPATH": str(self.config.root)}
        self._process = subprocess.Popen(
            command,
            env=env,
            cwd=self.config.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        process = self._process

        def settled() -> bool:
            return process.poll() is not None or self._is_ready()

        wait_until(settled, self.seconds, "the embedded servers")
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise StackError(said or "The embedded servers do not start.")
        self.database_url, self.redis_url = embedded_urls(self.config)

    def _is_ready(self) -> bool:
        state = state_read(self.config.home)
        return bool(state.get("ready")) and self._process is not None and state.get("guard_pid") == self._process.pid

    def stop(self) -> None:
        """End them in order and wait for it."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=60)
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process = None

    def __enter__(self) -> Embedded:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def config_for(home: Path, **changes: str) -> StackConfig:
    """The present configuration with another home and other variables; an empty value leaves a variable out."""
    from controlplane.stack.config import config_read

    env = {**os.environ, **changes, "FAIRWAY_HOME": str(home)}
    return config_read({name: value for name, value in env.items() if value})
