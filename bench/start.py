"""From a fresh clone to readiness with every download, then a second start; and the memory of all processes.

Prints seconds and megabytes. `make bench-start`; takes some minutes, uses free ports and a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from controlplane.stack.config import ROOT
from controlplane.stack.ports import ports_free
from controlplane.stack.ready import http_status
from controlplane.stack.state import state_read
from controlplane.stack.status import memory_bytes

LIMITS = {"first start": 180.0, "second start": 15.0}


def start(clone: Path, env: dict[str, str], title: str) -> subprocess.Popen[bytes]:
    """Run `make run` until it is ready and print how long that took."""
    begun = time.monotonic()
    process = subprocess.Popen(["make", "run"], cwd=clone, env=env, start_new_session=True, stdin=subprocess.DEVNULL)
    while http_status(f"http://127.0.0.1:{env['PORT']}/health/ready") != 200:
        if process.poll() is not None or time.monotonic() - begun > 600:
            sys.exit(f"{title}: not ready")
        time.sleep(0.1)
    seconds = time.monotonic() - begun
    print(f"\n== {title}: {seconds:.1f} s (at most {LIMITS[title]:.0f} s)\n", flush=True)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait()


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="fairway-bench-"))
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    port, live_port, gateway_port = ports_free(3)
    given = ("DATABASE_URL", "REDIS_URL", "FAIRWAY_HOME")
    env = {name: value for name, value in os.environ.items() if name not in given}
    env |= {"PORT": str(port), "LIVE_PORT": str(live_port), "GATEWAY_PORT": str(gateway_port), "PIP_NO_CACHE_DIR": "1"}
    env |= {"FAIRWAY_VENV": str(clone / ".venv"), "npm_config_cache": str(folder / "npm")}
    try:
        first = start(clone, env, "first start")
        demo = clone / "var" / "run" / "demo.done"
        begun = time.monotonic()
        while not demo.exists():
            if first.poll() is not None or time.monotonic() - begun > 600:
                sys.exit("the demo did not end well")
            time.sleep(0.5)
        print(f"\n== accounts and demo: {time.monotonic() - begun:.0f} s", flush=True)
        time.sleep(10)
        state = state_read(clone / "var")
        parts = {entry["name"]: memory_bytes(entry["pid"]) / 2**20 for entry in state["processes"] if entry["pid"]}
        print("== memory, idle, after the demo: " + ", ".join(f"{name} {size:.0f} MB" for name, size in parts.items()))
        print(f"== memory in all: {sum(parts.values()):.0f} MB (at most 1331 MB)", flush=True)
        stop(first)
        stop(start(clone, env, "second start"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
