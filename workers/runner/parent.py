"""The runner parent: one small process beside every attempt. Standard library only; it starts in
milliseconds.

It starts the child in its sandbox, dates its output, samples processor time and memory of the whole tree, and
ends the tree when the child ends, a limit is hit, somebody asks for it, or the lease runs out. What it was
told comes on standard input as one JSON object, so that no token is ever in a file or on a command line.
"""

import ctypes
import errno
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

if __name__ == "__main__":  # started by path with -I -S: nothing else puts the project on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from workers.contracts.jobspec import EXIT_OUT_OF_MEMORY
from workers.runner.files import STATUS, STOP, WORK, LeaseWatch, json_write
from workers.runner.output import OutputWriter
from workers.runner.processes import descendants, signal_send
from workers.sandbox.policy import SandboxPolicy, sandbox_apply
from workers.sandbox.system import LINUX, PR_SET_CHILD_SUBREAPER, libc

SAMPLE_SECONDS = 0.25
STATUS_SECONDS = 1.0
POLL_MS = 50
EXIT_SANDBOX = 70


class LeaseAge(Protocol):
    """Says how many seconds ago somebody last renewed the lease."""

    def age(self) -> float: ...


class Watch:
    """The life of one attempt, from start to the last word in status.json."""

    def __init__(
        self, told: dict[str, Any], *, output: OutputWriter | None = None, lease: LeaseAge | None = None
    ) -> None:
        self.directory = Path(told["directory"])
        self.argv: list[str] = told["argv"]
        self.environment: dict[str, str] = told["environment"]
        self.limits: dict[str, Any] = told["limits"]
        held: dict[str, Any] = told["policy"]
        for name in ("read", "write", "connect_ports", "own_ports"):
            held[name] = tuple(held[name]) if held[name] is not None else None
        self.policy = SandboxPolicy(**held)
        self.output = output or OutputWriter(self.directory, int(self.limits["output_bytes"]))
        self.lease = lease or LeaseWatch(self.directory)
        self.started = time.monotonic()
        self.pid = 0
        self.cause = ""
        self.kill_at: float | None = None
        self.cpu_seconds = 0.0
        self.rss_bytes = 0
        self.peak_rss_bytes = 0
        self.force: list[str] = []
        self.result: int | None = None
        self.stop_asked = False

    # --- start
    # ------------------------------------------------------------------------------------------------

    def start(self) -> int:
        """Starts the child; returns the end of the pipe that its output comes through."""
        reader, writer = os.pipe()
        told_reader, told_writer = os.pipe()
        me = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(writer, told_writer, me)
        os.close(writer)
        os.close(told_writer)
        data = b""
        while chunk := os.read(told_reader, 4096):
            data += chunk
        os.close(told_reader)
        self.force = data.decode().split()
        os.set_blocking(reader, False)
        return reader

    def _become(self, output: int, told: int, parent: int) -> None:
        """In the forked child: into the sandbox, then into the job's program. Never returns."""
        try:
            os.setpgid(0, 0)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.set_inheritable(told, False)
            nothing = os.open("/dev/null", os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.directory / WORK)
            force = sandbox_apply(self.policy, parent)
            os.write(told, " ".join(force).encode())
            for low, high in ((3, told), (told + 1, 4096)):
                os.closerange(low, high)
            os.execve(self.argv[0], self.argv, self.environment)  # noqa: S606 - argv as given, no shell
        except BaseException as error:  # noqa: BLE001 - between fork and exec nothing may escape into the parent's code
            os.write(2, f"fairway: the job could not be started: {error}\n".encode())
        os._exit(EXIT_SANDBOX)

    # --- while it runs
    # ----------------------------------------------------------------------------------------

    def run(self) -> None:
        """From start to end; writes status.json all along."""
        try:
            reader: int | None = self.start()
            self.status("RUNNING")
            poll = select.poll()
            poll.register(reader or 0, select.POLLIN | select.POLLHUP)
            sample_at = status_at = time.monotonic()
            while self.result is None:
                if reader is None:
                    time.sleep(POLL_MS / 1000)
                elif poll.poll(POLL_MS) and not self._drain(reader):
                    poll.unregister(reader)
                    os.close(reader)
                    reader = None
                self._reap()
                now = time.monotonic()
                if now >= sample_at:
                    sample_at = now + SAMPLE_SECONDS
                    self.sample()
                    self.judge(now)
                if now >= status_at and self.result is None:
                    status_at = now + STATUS_SECONDS
                    self.status("RUNNING")
            self.end_tree()
            if reader is not None:
                self._drain(reader)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            why = "the disk has no room for what the job prints" if full else error.strerror or str(error)
            self.cause = self.cause or f"The runner could not go on: {why}."
            self.end_tree()
        self.finish()

    def _drain(self, reader: int) -> bool:
        """Takes what the pipe holds; False at its end."""
        while True:
            try:
                data = os.read(reader, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.output.feed(data, time.time())
            if len(data) < 65536:
                return True

    def _reap(self) -> None:
        """Collects every process that ended: the child, and orphans that came to us as sub-reaper."""
        while True:
            try:
                pid, result = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.result = result

    def sample(self) -> None:
        """Processor time and memory of the whole tree, the ended ones' time included."""
        living = descendants(os.getpid(), thorough=False)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = ended.ru_utime + ended.ru_stime + sum(process.cpu_seconds for process in living)
        self.cpu_seconds = max(self.cpu_seconds, total)
        self.rss_bytes = sum(process.rss_bytes for process in living)
        self.peak_rss_bytes = max(self.peak_rss_bytes, self.rss_bytes)

    def judge(self, now: float) -> None:
        """Ends the tree when it has to end: at once for a limit, after the grace for a stop."""
        if self.kill_at is not None:
            if now >= self.kill_at:
                self.end_tree()
            return
        limits = self.limits
        if self.rss_bytes > limits["memory_bytes"]:
            used, most = self.rss_bytes / 2**20, limits["memory_bytes"] / 2**20
            self.end(f"Memory: the job used {used:.0f} MiB, its limit is {most:.0f} MiB.")
        elif now - self.started > limits["wall_seconds"]:
            self.end(f"Time: the job ran for its limit of {limits['wall_seconds']:g} s.")
        elif self.cpu_seconds > limits["cpu_seconds"]:
            self.end(f"Processor time: the job used its limit of {limits['cpu_seconds']:g} s.")
        elif self.lease.age() > limits["lease_seconds"]:
            self.end(f"Nobody renewed the job's lease for {limits['lease_seconds']:g} s; the worker is gone.")
        elif self.stop_asked or (self.directory / STOP).exists():
            self.end("Stopped on request.", self._grace())

    def _grace(self) -> float:
        try:
            return max(0.0, min(600.0, float((self.directory / STOP).read_text())))
        except (OSError, ValueError):
            return 2.0

    def end(self, cause: str, grace: float = 0.0) -> None:
        """Begins the end: a polite signal to the tree when there is a grace, then the hard one."""
        self.cause = cause
        self.output.say(f"fairway: {cause}", time.time())
        if grace > 0:
            for process in descendants(os.getpid()):
                signal_send(process.pid, signal.SIGTERM)
            self.kill_at = time.monotonic() + grace
        else:
            self.end_tree()

    def end_tree(self) -> None:
        """Kills whatever lives below this process, until nothing does."""
        for _ in range(200):
            living = descendants(os.getpid())
            for process in living:
                signal_send(process.pid, signal.SIGKILL)
            self._reap()
            if not living:
                return
            time.sleep(0.01)

    # --- the record
    # -------------------------------------------------------------------------------------------

    def status(self, state: str, **more: object) -> None:
        """Writes status.json."""
        json_write(self.directory / STATUS, self.known(state, **more))

    def known(self, state: str, **more: object) -> dict[str, object]:
        """All that is known of the attempt now."""
        return {
            "state": state,
            "pid": self.pid,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "rss_bytes": self.rss_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
            "cause": self.cause,
            "sandbox": self.force,
            **more,
        }

    def finish(self) -> None:
        """The last word: how the child ended, and why if it was not of its own will."""
        code = os.waitstatus_to_exitcode(self.result) if self.result is not None else None
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = max(self.cpu_seconds, ended.ru_utime + ended.ru_stime)
        self.rss_bytes = 0
        if not self.cause and code is not None:
            self.cause = cause_of(code)
        try:
            self.output.close(time.time())
        except OSError:
            self.cause = self.cause or "The output could not be written."
        self.status(
            "EXITED",
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
        )


def cause_of(code: int) -> str:
    """One sentence for an end that nobody here asked for; "" for exit codes whose reason the child tells
    itself.
    """
    if code == -signal.SIGXCPU:
        return "Processor time: one process of the job used up its limit."
    if code == -signal.SIGXFSZ:
        return "Disk: one file of the job grew over its limit."
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "unknown"
        hint = " (often the system, when memory runs out)" if code == -signal.SIGKILL else ""
        return f"The job's process was ended from outside by signal {-code}, {name}{hint}."
    if code == EXIT_OUT_OF_MEMORY:
        return "Memory: the job could not get the memory it asked for."
    if code == EXIT_SANDBOX:
        return "The job could not be started in its sandbox; the last lines of its output say why."
    return ""


def reaper_become() -> None:
    """Orphans of this process's children become its own children, so that none gets away."""
    if LINUX:
        libc().prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)


def main() -> None:
    """Reads what to do from standard input and sees it through."""
    told = json.load(sys.stdin)
    os.umask(0o077)
    reaper_become()
    watch = Watch(told)

    def stop(number: int, frame: FrameType | None) -> None:
        watch.stop_asked = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    watch.run()


if __name__ == "__main__":
    main()
