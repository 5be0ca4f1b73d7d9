"""Runs each attempt on this machine under a runner parent of its own, which outlives the worker that started
it.
"""

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from workers.contracts.jobspec import PROJECT_ROOT, JobSpec, JobState, JobStatus, Line
from workers.executors.about import About
from workers.executors.base import REACH, ExecutorError, Health
from workers.executors.told import status_of
from workers.runner.files import PARENT, STATUS, STOP, WORK, json_read, json_write, lease_touch
from workers.runner.output import lines_read
from workers.runner.processes import marked, process_identity, signal_send
from workers.sandbox import SandboxPolicy, clean_environment, private_directory, readable_paths, uid_for

_PARENT_PROGRAM = PROJECT_ROOT / "workers" / "runner" / "parent.py"
PACKAGES = ("workers", "analysis")
CODE = "code"
_DATA_OVERHEAD = 2 * 1024**3
"""What one process may map beyond its memory limit: thread stacks and arenas that are never touched."""


class LocalExecutor:
    """The executor "local". The handle is the attempt's directory; everything else is in its control files.

    `sandboxed` False is for machines where the sandbox itself is what fails; jobs then keep only their
    limits. `home`: where attempts' directories are, for `health` alone.
    """

    about = About(
        title="This machine",
        text="Each job is a process of its own beside the worker, in a sandbox.",
        handle_is_directory=True,
        on_this_machine=True,
    )

    def __init__(self, sandboxed: bool = True, home: str = "") -> None:
        self._sandboxed = sandboxed
        self._home = home
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def health(self) -> Health:
        """Writes a file where attempts would. Raises ExecutorError when that is not possible."""
        began = time.monotonic()
        try:
            if self._home:
                private_directory(Path(self._home))
            with tempfile.TemporaryFile(dir=self._home or None) as file:
                file.write(b"fairway")
                file.flush()
        except OSError as error:
            raise ExecutorError(
                f"The folder of the jobs cannot be written: {error.strerror or error}.", step=REACH
            ) from error
        return Health(time.monotonic() - began, facts={"python": platform.python_version()})

    def submit(self, spec: JobSpec) -> str:
        """Starts the runner parent, detached. Raises ExecutorError; nothing runs then."""
        directory = Path(spec.directory)
        try:
            private_directory(directory)
            if (directory / PARENT).exists():
                raise ExecutorError("This directory has held an attempt before; every attempt needs its own.")
            work = private_directory(directory / WORK)
            private_directory(work / "tmp")
            _code_link(directory / CODE)
            lease_touch(directory)
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PARENT_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
            )
        except OSError as error:
            raise ExecutorError(f"The job could not be started: {error.strerror or error}.") from error
        mark = f"{spec.job_id}:{spec.attempt}"
        record = {"identity": process_identity(process.pid), "pid": process.pid, "mark": mark}
        try:
            json_write(directory / PARENT, record)
            if process.stdin is not None:
                process.stdin.write(json.dumps(self._told(spec, work, mark)).encode())
                process.stdin.close()
        except OSError as error:
            process.kill()
            process.wait()
            raise ExecutorError(f"The job could not be started: {error.strerror or error}.") from error
        self._started[str(directory)] = process
        return str(directory)

    def _told(self, spec: JobSpec, work: Path, mark: str) -> dict[str, object]:
        limits = spec.limits
        extra = {**spec.child_environment(), "FAIRWAY_ATTEMPT_MARK": mark, "FAIRWAY_CORES": str(limits.cores)}
        more = (Path(path) for path in spec.read)
        read = readable_paths(*(PROJECT_ROOT / package for package in PACKAGES), *more)
        uid, _ = uid_for(mark, work.parent.parent, read) if self._sandboxed else (None, "")
        if uid is not None:
            _hand_over(work, uid)
        policy = SandboxPolicy(
            read=(*read, str(work.parent / CODE)) if self._sandboxed else ("/",),
            write=(str(work),) if self._sandboxed else ("/",),
            connect_ports=(*_ports(spec.base_url), *spec.connect_ports) if self._sandboxed else None,
            own_ports=spec.own_ports,
            cpu_seconds=limits.cpu_seconds,
            data_bytes=limits.memory_bytes + _DATA_OVERHEAD,
            file_bytes=limits.file_bytes,
            uid=uid,
        )
        return {
            "directory": str(work.parent),
            "argv": list(spec.argv),
            "environment": clean_environment(work, work.parent / CODE, limits.cores, extra),
            "limits": asdict(limits),
            "policy": asdict(policy),
        }

    def status(self, handle: str) -> JobStatus:
        """Reads the control files and renews the lease; also for attempts that another worker started."""
        directory = Path(handle)
        told = json_read(directory / STATUS)
        if told is None or told.get("state") != "EXITED":
            process = self._started.get(handle)
            if process is not None:
                process.poll()  # a parent that ended must not linger as a zombie
            if self._alive(directory):
                with contextlib.suppress(OSError):
                    lease_touch(directory)
            else:
                told = json_read(directory / STATUS)
        if told is not None and told.get("state") == "EXITED":
            self._forget(handle)
            return status_of(JobState.EXITED, told)
        if self._alive(directory):
            return status_of(JobState.RUNNING, told or {})
        self._sweep(directory)
        self._forget(handle)
        lost = status_of(JobState.LOST, told or {})
        return JobStatus(
            JobState.LOST,
            cause="The process that watches the job is gone, so nobody knows how the job ended.",
            cpu_seconds=lost.cpu_seconds,
            peak_rss_bytes=lost.peak_rss_bytes,
        )

    def lines(self, handle: str, after_offset: int = 0) -> list[Line]:
        """Complete lines after a byte offset of the output file."""
        return lines_read(Path(handle), after_offset)

    def stop(self, handle: str, grace: float = 5.0) -> None:
        """Leaves a stop file for the parent; sweeps what a lost parent left behind."""
        directory = Path(handle)
        if not directory.is_dir():
            return
        beside = directory / (STOP + ".new")
        beside.write_text(str(grace))
        os.replace(beside, directory / STOP)
        told = json_read(directory / STATUS)
        if (told is None or told.get("state") != "EXITED") and not self._alive(directory):
            self._sweep(directory)

    @staticmethod
    def _alive(directory: Path) -> bool:
        record = json_read(directory / PARENT)
        if record is None or not record.get("identity"):
            return False
        return process_identity(int(record["pid"])) == str(record["identity"])

    @staticmethod
    def _sweep(directory: Path) -> None:
        """Kills what carries this attempt's mark: the parent that would have done it is gone."""
        record = json_read(directory / PARENT)
        if record is None:
            return
        for pid in marked("FAIRWAY_ATTEMPT_MARK", str(record["mark"])):
            signal_send(pid, signal.SIGKILL)

    def _forget(self, handle: str) -> None:
        process = self._started.pop(handle, None)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)


def _code_link(path: Path) -> None:
    """A directory with nothing but links to the packages a job may import: the rest of the project stays
    closed.
    """
    private_directory(path)
    for package in PACKAGES:
        (path / package).symlink_to(PROJECT_ROOT / package)


def _hand_over(work: Path, uid: int) -> None:
    """Gives the working directory to a user of its own; the control files beside it stay ours."""
    os.chmod(work.parent, 0o711)  # noqa: S103 - the new user must pass through, and sees nothing by that
    os.chmod(work.parent / CODE, 0o755)  # noqa: S103 - links only
    for path in (work, work / "tmp"):
        os.chown(path, uid, uid)


def _ports(base_url: str) -> tuple[int, ...]:
    """The one TCP port that a job may connect to: the web's; none without a web."""
    if not base_url:
        return ()
    parts = urlsplit(base_url)
    return (parts.port or (443 if parts.scheme == "https" else 80),)
