"""One program under the supervisor: start, log file, restart with growing pauses, and a sure end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from controlplane.stack.ports import address_said
from controlplane.stack.tree import descendants, group_kill, processes_end

LAUNCH = Path(__file__).with_name("launch.py")
LOG_BYTES = 8 * 1024 * 1024
LOGS_KEPT = 3
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to start.

    `private_input` goes to standard input, so that no secret stands on a command line or on disk; `terminal` writes to
    the supervisor's own terminal instead of the log.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    directory: Path
    address: str = ""
    health: str = ""
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGTERM
    grace: float = 8.0
    private_input: str | None = field(default=None, repr=False)
    launch_options: tuple[str, ...] = ()
    terminal: bool = False


class Child:
    """A started program and its history. Every method is called from the supervisor's one thread."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self.state = "STOPPED"
        self.restarts = 0
        self.pause = FIRST_PAUSE
        self.retry_at = 0.0
        self.started = 0.0
        self.started_at = ""
        self.last_error = ""

    def start(self) -> None:
        """Start the program. Raises OSError when not even the log file can be opened."""
        log_rotate(self.spec.log)
        command = (
            sys.executable, "-I", "-S", str(LAUNCH),
            "--parent", str(os.getpid()), "--death-signal", str(self.spec.death_signal),
            *self.spec.launch_options, "--", *self.spec.argv,
        )  # fmt: skip
        with open(self.spec.log, "ab", buffering=0) as log:
            stamp = datetime.now(UTC).isoformat(timespec="seconds")
            log.write(f"--- {stamp} start {self.restarts + 1} of {self.spec.name}\n".encode())
            os.chmod(self.spec.log, 0o600)
            output = None if self.spec.terminal else log
            self.process = subprocess.Popen(
                command,
                env=dict(self.spec.env),
                cwd=self.spec.directory,
                stdin=subprocess.PIPE if self.spec.private_input is not None else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if self.process.stdin is not None and self.spec.private_input is not None:
            try:
                self.process.stdin.write(self.spec.private_input.encode())
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        self.state = "RUNNING"
        self.started = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="milliseconds")

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.state == "RUNNING" else None

    def ended(self) -> int | None:
        """The exit code when the program has ended since the last look (negative for a signal), else None.

        What it left in its process group is killed: it would hold the port that the next start needs.
        """
        if self.process is None or self.state != "RUNNING":
            return None
        code = self.process.poll()
        if code is None:
            return None
        group_kill(self.process.pid)
        self.state = "STOPPED"
        return code

    def retry_later(self, code: int) -> float:
        """Note the crash and say after how many seconds it is started again."""
        if time.monotonic() - self.started > STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        pause = self.pause
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        self.retry_at = time.monotonic() + pause
        self.state = "BACKOFF"
        cause = f"ended by {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        # Who is killed says nothing of it: its last line would be taken for the cause.
        tail = "" if code == -signal.SIGKILL else log_tail(self.spec.log)
        self.last_error = f"{cause}: {tail}" if tail else cause
        return pause

    def retry_due(self) -> bool:
        return self.state == "BACKOFF" and time.monotonic() >= self.retry_at

    def restart(self) -> None:
        self.restarts += 1
        self.start()

    def ask_to_end(self) -> None:
        """Send the program's own stop signal, to itself alone: it ends what it started."""
        if self.process is not None and self.state == "RUNNING" and self.process.poll() is None:
            self.process.send_signal(self.spec.stop_signal)

    def kill(self) -> None:
        """End the program and everything below it, now."""
        if self.process is None:
            return
        below = descendants(self.process.pid) if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.kill()
        group_kill(self.process.pid)
        processes_end(below, grace=0, first=signal.SIGKILL)
        self.process.wait()
        self.state = "STOPPED"

    def facts(self) -> dict[str, object]:
        """What `manage.py status` shows."""
        return {
            "name": self.spec.name,
            "pid": self.pid,
            "state": self.state,
            "started_at": self.started_at,
            "restarts": self.restarts,
            "address": address_said(self.spec.address),
            "health": self.spec.health,
            "last_error": self.last_error,
            "log": str(self.spec.log),
        }


def log_rotate(path: Path, limit: int = LOG_BYTES, kept: int = LOGS_KEPT) -> None:
    """Move a log that has grown past the limit aside; the oldest is dropped."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size < limit:
        return
    for number in range(kept - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))


def log_tail(path: Path, length: int = 300) -> str:
    """The last line of a log that says something."""
    try:
        with open(path, "rb") as handle:
            handle.seek(0, os.SEEK_END)
            handle.seek(max(0, handle.tell() - 8192))
            lines = handle.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    spoken = [line.strip() for line in lines if line.strip() and not line.startswith("--- ")]
    return spoken[-1][:length] if spoken else ""


def signal_name(number: int) -> str:
    """SIGKILL for 9; the number itself where there is no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
