"""One Ray head for the tests that need a real one, started from its locked environment and ended by its own processes.

`ray stop` is never called: it ends every Ray of the machine.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.environments import environment_python

START_SECONDS = 90.0


@dataclass
class RayHead:
    """A head of one node with two processors, that asks for its token."""

    address: str
    token: str
    process: subprocess.Popen[bytes]
    place: Path

    def family(self) -> list[psutil.Process]:
        """Every process that belongs to it: those below it, and those that name its folder."""
        found: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self.process.pid)
            found |= {one.pid: one for one in [root, *root.children(recursive=True)]}
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.place) in word for word in one.cmdline()) or str(self.place) in one.environ().get(
                    "RAY_TMPDIR", ""
                ):
                    found[one.pid] = one
        found.pop(os.getpid(), None)
        return list(found.values())

    def kill(self) -> None:
        """Ends all of it at once, as a machine that loses its power."""
        for one in self.family():
            with contextlib.suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def ray_open() -> Iterator[RayHead]:
    """A started head; everything of it is gone afterwards."""
    python = Path(environment_python("ray"))
    # The paths of its sockets must be short.
    place = Path(tempfile.mkdtemp(prefix="fwr", dir="/tmp"))
    token, port = secrets.token_hex(24), _port()
    command = [
        *(str(python.with_name("ray")), "start", "--head", "--block", "--disable-usage-stats"),
        *("--node-ip-address", "127.0.0.1", "--port", str(_port()), "--temp-dir", str(place)),
        *("--dashboard-host", "127.0.0.1", "--dashboard-port", str(port), "--num-cpus", "2"),
        *("--dashboard-agent-listen-port", str(_port()), "--dashboard-agent-grpc-port", str(_port())),
        *("--memory", str(16 * 1024**3), "--object-store-memory", str(100 * 1024**2)),
    ]
    environment = {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(place),
        "LANG": "C.UTF-8",
        "RAY_TMPDIR": str(place),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    log = place / "head.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
    head = RayHead(f"http://127.0.0.1:{port}", token, process, place)
    try:
        _wait(head, log)
        yield head
    finally:
        head.kill()
        shutil.rmtree(place, ignore_errors=True)


def _wait(head: RayHead, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.HTTPError):
            headers = {"Authorization": f"Bearer {head.token}"}
            # The list of jobs takes the agent of the node, which starts last.
            if httpx.get(f"{head.address}/api/jobs/", headers=headers, timeout=5, trust_env=False).status_code == 200:
                return
        assert head.process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < end, log.read_text()[-3000:]
        select.select([], [], [], 0.2)
