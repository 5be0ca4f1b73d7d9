"""Running a program of tests/compat/clients as a person would: the client unmodified, two variables, nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.environments import environment_python

CLIENTS = Path(__file__).with_name("clients")


@dataclass
class Client:
    """Somebody with an address and a token; each program runs once in each environment."""

    url: str
    token: str
    folder: Path
    _said: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    def run(self, program: str, *arguments: str, environment: str = "own", seconds: float = 600) -> dict[str, Any]:
        """What the program says in its last line, a JSON object. It must end well."""
        key = (environment, program, *arguments)
        if key not in self._said:
            self._said[key] = self._run(program, arguments, environment, seconds)
        return self._said[key]

    def _run(self, program: str, arguments: tuple[str, ...], environment: str, seconds: float) -> dict[str, Any]:
        home = self.folder / f"{environment}-{program}"
        home.mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_TRACKING_TOKEN": self.token,
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            "KERAS_BACKEND": "jax",
            "OMP_NUM_THREADS": "1",
        }
        kept = {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}
        command = [environment_python(environment), str(CLIENTS / f"{program}.py"), *arguments]
        done = subprocess.run(
            command, cwd=home, env=env | kept, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, f"{program} in {environment}:\n{done.stderr[-6000:]}"
        said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return said
