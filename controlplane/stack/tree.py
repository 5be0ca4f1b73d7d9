"""Process trees: who descends from whom, and how to end them so that none is left."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable

import psutil

Known = tuple[int, float]


def descendants(pid: int) -> list[psutil.Process]:
    """Every living process below this one."""
    try:
        return [child for child in psutil.Process(pid).children(recursive=True) if _alive(child)]
    except psutil.Error:
        return []


def process_known(pid: int, created: float) -> psutil.Process | None:
    """The living process with this id that began at this time; None when the id belongs to another one by now."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < 5.0
    except psutil.Error:
        return None
    return process if same and _alive(process) else None


def processes_end(processes: Iterable[psutil.Process], *, grace: float, first: int = signal.SIGTERM) -> int:
    """Ask every process to end, wait, then kill. Returns how many had to be killed."""
    left = [process for process in processes if process.pid != os.getpid()]
    for process in left:
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(first)
    left = _wait(left, grace)
    for process in left:
        with contextlib.suppress(psutil.Error, OSError):
            process.kill()
    _wait(left, 5)
    return len(left)


def group_kill(group: int) -> None:
    """Kill what is left of a process group whose leader has ended."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    end = time.monotonic() + seconds
    left = [process for process in processes if _alive(process)]
    while left and time.monotonic() < end:
        reap()
        time.sleep(0.02)
        left = [process for process in left if _alive(process)]
    return left


def reap() -> None:
    """Collect children that were handed to this process by the kernel and that nobody waits for."""
    if os.getpid() == _REAPER:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


_REAPER = 0


def reaper_become() -> None:
    """From now on this process inherits and collects every orphan below it (Linux)."""
    global _REAPER
    _REAPER = os.getpid()
