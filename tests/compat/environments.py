"""Environments of people's clients: MLflow with what they log from, apart from Fairway's own.

Each is made at its first use from a locked file of requirements/clients/ and kept below .clients/ (or FAIRWAY_CLIENTS)
under the digest of that file, so a changed lock makes another one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from controlplane.stack.config import ROOT

CACHE = Path(os.environ.get("FAIRWAY_CLIENTS") or ROOT / ".clients")


def client_python(name: str) -> str:
    """The interpreter of an environment, for example "mlflow-3"; "own" is that of these tests, with mlflow-skinny."""
    if name == "own":
        return sys.executable
    requirements = ROOT / "requirements" / "clients" / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    place = CACHE / f"{name}-{digest}"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*install, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"The environment {name} cannot be made: {done.stderr[-2000:]}"
        (place / "ready").touch()
    return str(python)
