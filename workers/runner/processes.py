"""A process tree as the operating system shows it: who descends from whom, processor time, memory. Standard
library; psutil only where there is no /proc."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc/self/stat").exists()
_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Sample:
    """One process: seconds of processor time (its reaped children's included), resident bytes."""

    pid: int
    parent: int
    state: str
    cpu_seconds: float
    rss_bytes: int
    started: str


def process_read(pid: int) -> Sample | None:
    """The process of that number, or None when there is none. A zombie has state "Z"."""
    if not _PROC:
        return _process_read_psutil(pid)
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    cpu = sum(int(fields[index]) for index in (11, 12, 13, 14)) / _TICK
    return Sample(pid, int(fields[1]), fields[0], cpu, int(fields[21]) * _PAGE, fields[19])


def _process_read_psutil(pid: int) -> Sample | None:
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            state = "Z" if process.status() == psutil.STATUS_ZOMBIE else "R"
            rss = 0 if state == "Z" else process.memory_info().rss
            started = repr(process.create_time())
            return Sample(pid, process.ppid(), state, times.user + times.system, rss, started)
    except psutil.Error:
        return None


def process_identity(pid: int) -> str:
    """A text that differs when the number is used by another process; "" when there is no such living
    process.
    """
    sample = process_read(pid)
    return "" if sample is None or sample.state == "Z" else f"{pid}:{sample.started}"


def descendants(root: int, thorough: bool = True) -> list[Sample]:
    """Every living process below `root`, at whatever depth; zombies are left out.

    Not `thorough`: by the kernel's own lists of children, which costs a tenth but can miss one that comes or goes
    at this moment; good enough to sample, not to kill.
    """
    if not thorough and _CHILDREN:
        return _descendants_quick(root)
    if not _PROC:
        import psutil

        try:
            pids = [child.pid for child in psutil.Process(root).children(recursive=True)]
        except psutil.Error:
            return []
        return [s for s in map(process_read, pids) if s is not None and s.state != "Z"]
    everyone = [s for s in map(process_read, _numbers()) if s is not None]
    below: dict[int, list[Sample]] = {}
    for sample in everyone:
        below.setdefault(sample.parent, []).append(sample)
    found: list[Sample] = []
    queue = [root]
    while queue:
        for sample in below.get(queue.pop(), ()):
            found.append(sample)
            queue.append(sample.pid)
    return [sample for sample in found if sample.state != "Z"]


def _descendants_quick(root: int) -> list[Sample]:
    found: list[Sample] = []
    queue = [root]
    while queue:
        pid = queue.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
            below = [int(n) for t in tasks for n in Path(f"/proc/{pid}/task/{t}/children").read_text().split()]
        except OSError:
            continue
        for number in below:
            sample = process_read(number)
            if sample is not None and sample.state != "Z":
                found.append(sample)
                queue.append(number)
    return found


def _numbers() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def marked(variable: str, value: str) -> list[int]:
    """Living processes whose environment holds variable=value: what a lost parent may have left behind."""
    wanted = f"{variable}={value}".encode()
    found: list[int] = []
    if _PROC:
        for pid in _numbers():
            try:
                held = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in held:
                found.append(pid)
        return found
    import psutil

    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def signal_send(pid: int, number: signal.Signals) -> None:
    """Sends a signal; a process that is gone, or is not ours, is left in peace."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
