"""Environments apart from Fairway's own: people's clients with what they log from, and a node of a Ray cluster.

Each is made at its first use from a locked file below requirements/ and kept below .clients/ (or FAIRWAY_CLIENTS)
under the digest of that file, so a changed lock makes another one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from controlplane.stack.config import ROOT

CACHE = Path(os.environ.get("FAIRWAY_CLIENTS") or ROOT / ".clients")
FILES = {"ray": "ray.txt"}
"""Names whose locked file is not that of a client."""


def environment_python(name: str) -> str:
    """The interpreter of an environment, for example "mlflow-3"; "own" is that of these tests, with mlflow-skinny.

    Test processes that need the same one wait for the first to make it.
    """
    if name == "own":
        return sys.executable
    requirements = ROOT / "requirements" / FILES.get(name, f"clients/{name}.txt")
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    place = CACHE / f"{name}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            _make(place, requirements)
    return str(place / "bin" / "python")


def _make(place: Path, requirements: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=True)
    install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*install, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"The environment of {requirements.name} cannot be made: {done.stderr[-2000:]}"
    (place / "ready").touch()
