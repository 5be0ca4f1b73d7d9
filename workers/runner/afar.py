"""Entry on a machine that is not ours: the runner parent's watch, told by the environment, telling by its output.

Where an executor cannot read files beside the attempt (Ray), everything has to come through the one stream that the
place keeps: each line of the job as `L<Unix seconds>TAB<JSON text>`, what the watch knows as `S<JSON object>`. What
begins otherwise is the place's own. JSON keeps the stream plain ASCII, whatever the place's locale is.
"""

import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from workers.contracts.jobspec import JobLimits, JobSpec
from workers.runner.files import WORK
from workers.runner.output import OutputWriter
from workers.runner.parent import Watch, reaper_become
from workers.sandbox import SandboxPolicy, clean_environment, private_directory, readable_paths

SPEC, TOKEN = "FAIRWAY_SPEC", "FAIRWAY_TOKEN"
GRACE_SECONDS = 5.0
STATUS_SECONDS = 5.0
FENCE_SECONDS = 20.0
_DATA_OVERHEAD = 2 * 1024**3
"""As in the local executor: what one process may map beyond its memory limit."""


def told_of(spec: JobSpec) -> str:
    """A spec as the text that `main` reads, without its token. The interpreter is left to the other machine."""
    argv = ["" if spec.argv[0] == sys.executable else spec.argv[0], *spec.argv[1:]]
    told = {
        **{name: getattr(spec, name) for name in ("job_id", "attempt", "kind", "base_url", "run_id")},
        "argv": argv,
        "env": dict(spec.env),
        "limits": asdict(spec.limits),
    }
    return json.dumps(told)


class StreamWriter(OutputWriter):
    """Writes the records of an attempt to a stream that is read from elsewhere."""

    def __init__(self, descriptor: int, limit: int) -> None:
        super().__init__(Path(), limit, file=descriptor)

    def record(self, stamp: bytes, text: bytes) -> bytes:
        """One line of the job as one line of the stream."""
        return b"L" + stamp + json.dumps(text.decode("utf-8", "replace")).encode() + b"\n"

    def close(self, at: float) -> None:
        """Writes what is left; the stream stays open for the watch's last word."""
        self.rest_write(at)

    def tell(self, values: dict[str, Any]) -> None:
        """What the watch knows, as one line of the stream."""
        os.write(self.descriptor, b"S" + json.dumps(values).encode() + b"\n")


class Fence:
    """Asks the web now and then whether the attempt still counts: one that was given up must not go on.

    Stands in for the lease, which nobody can renew from here. A web that cannot be reached changes nothing.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self.refused = False
        self._url, self._token = base_url, token
        if base_url and token:
            threading.Thread(target=self._ask, name="fence", daemon=True).start()

    def _ask(self) -> None:
        request = urllib.request.Request(
            f"{self._url}/api/v1/attempt", headers={"Authorization": f"Bearer {self._token}"}
        )
        context = ssl.create_default_context() if self._url.startswith("https") else None
        while not self.refused:
            time.sleep(FENCE_SECONDS)
            try:
                urllib.request.urlopen(request, timeout=10, context=context).close()
            except urllib.error.HTTPError as error:
                self.refused = error.code in (401, 403, 404, 409)
            except OSError:
                continue

    def age(self) -> float:
        """No time has passed since the last renewal, as far as anybody can tell here."""
        return 0.0


class WatchAfar(Watch):
    """The watch of an attempt on another machine."""

    def __init__(self, told: dict[str, Any], fence: Fence) -> None:
        self.stream = StreamWriter(1, int(told["limits"]["output_bytes"]))
        self.fence = fence
        self._said = 0.0
        super().__init__(told, output=self.stream, lease=fence)

    def judge(self, now: float) -> None:
        """As for a job beside its worker; and ended when Fairway has given the attempt up."""
        if self.fence.refused and self.kill_at is None and not self.cause:
            self.end("Fairway has ended this attempt, or another one has taken its place.")
        else:
            super().judge(now)

    def _grace(self) -> float:
        return GRACE_SECONDS

    def finish(self) -> None:
        """The place tells every process of a stop, so the job may have ended before the watch looked: still a stop."""
        if self.stop_asked and not self.cause:
            self.cause = "Stopped on request."
        super().finish()

    def status(self, state: str, **more: object) -> None:
        """Tell the stream; while nothing ends, every few seconds only."""
        now = time.monotonic()
        if state == "RUNNING" and now - self._said < STATUS_SECONDS:
            return
        self._said = now
        self.stream.tell(self.known(state, **more))


def main() -> None:
    """Sees the attempt through that the environment tells of, in a directory of its own that is removed at the end."""
    told = json.loads(os.environ.pop(SPEC))
    token = os.environ.pop(TOKEN, "")
    os.umask(0o077)
    code = Path.cwd()
    place = private_directory(Path(tempfile.mkdtemp(prefix="fairway-")))
    work = private_directory(place / WORK)
    private_directory(work / "tmp")
    spec = JobSpec(
        told["job_id"],
        told["attempt"],
        told["kind"],
        (told["argv"][0] or sys.executable, *told["argv"][1:]),
        str(place),
        told["base_url"],
        token,
        told["run_id"],
        told["env"],
        JobLimits(**told["limits"]),
    )
    reaper_become()
    watch = WatchAfar(_told(spec, work, code), Fence(spec.base_url, token))

    def stop(number: int, frame: FrameType | None) -> None:
        watch.stop_asked = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        watch.run()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _told(spec: JobSpec, work: Path, code: Path) -> dict[str, Any]:
    """As the local executor tells its parent. Devices of a GPU are no files that could be named: such a job is not held
    to its files.
    """
    limits = spec.limits
    extra = {**spec.child_environment(), "FAIRWAY_CORES": str(limits.cores)}
    if limits.gpus:
        extra |= {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ}
    held = not limits.gpus
    policy = SandboxPolicy(
        read=readable_paths(code) if held else ("/",),
        write=(str(work),) if held else ("/",),
        connect_ports=_ports(spec.base_url) if held else None,
        cpu_seconds=limits.cpu_seconds,
        data_bytes=limits.memory_bytes + _DATA_OVERHEAD if held else None,
        file_bytes=limits.file_bytes,
    )
    return {
        "directory": str(work.parent),
        "argv": list(spec.argv),
        "environment": clean_environment(work, code, limits.cores, extra),
        "limits": asdict(limits),
        "policy": asdict(policy),
    }


def _ports(base_url: str) -> tuple[int, ...]:
    if not base_url:
        return ()
    parts = urlsplit(base_url)
    return (parts.port or (443 if parts.scheme == "https" else 80),)


if __name__ == "__main__":
    main()
