"""The guard: a small parent of the supervisor that sees to it that nothing outlives it, not even after `kill -9`.

On Linux it inherits every orphan below it. Elsewhere it goes by the process ids that the supervisor wrote down.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import FrameType

import psutil

from controlplane.stack.messages import say
from controlplane.stack.state import state_read
from controlplane.stack.tree import descendants, process_known, processes_end, reaper_become

PR_SET_CHILD_SUBREAPER = 36
DATABASES = ("postgres", "valkey-server")


def guard_run(command: list[str], home: Path) -> int:
    """Run the supervisor, pass on the signals that ask for the end, and end whatever it left. Returns its exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    reaper_become()
    pid = 0

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue
        signal.signal(number, pass_on)
    pid = subprocess.Popen(command).pid
    status = _wait_for(pid)
    code = os.waitstatus_to_exitcode(status)
    left = _left_behind(home, pid)
    if left:
        if code < 0:
            say("\nThe supervisor was killed, so everything that it started is stopped.", sys.stderr)
        servers = [process for process in left if _is_database(process)]
        below = {child.pid for server in servers for child in descendants(server.pid)}
        others = [process for process in left if process not in servers and process.pid not in below]
        processes_end(others, grace=3)
        processes_end([server for server in servers if _name(server) == "postgres"], grace=10, first=signal.SIGINT)
        processes_end([server for server in servers if _name(server) != "postgres"], grace=5)
        processes_end(_left_behind(home, pid), grace=0)
    return code if code >= 0 else 128 - code


def _wait_for(pid: int) -> int:
    """Collect every child of this process until the one that matters has ended."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return status


def _left_behind(home: Path, supervisor: int) -> list[psutil.Process]:
    found = {process.pid: process for process in descendants(os.getpid())}
    state = state_read(home)
    if state.get("supervisor_pid") == supervisor:
        for entry in state.get("processes", []):
            pid = entry.get("pid")
            if isinstance(pid, int) and pid not in found:
                process = process_known(pid, datetime.fromisoformat(entry["started_at"]).timestamp())
                if process is not None:
                    found[pid] = process
                    found |= {child.pid: child for child in descendants(pid)}
    return list(found.values())


def _name(process: psutil.Process) -> str:
    try:
        return Path(process.cmdline()[0]).name
    except (psutil.Error, IndexError):
        return ""


def _is_database(process: psutil.Process) -> bool:
    """A server's own process, not one of the processes that PostgreSQL forks (they rename themselves)."""
    return _name(process) in DATABASES
