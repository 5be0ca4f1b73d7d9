"""MLflow's own server for tests, and the recording of what it answers to its own client.

`python -m tests.compat.recording` writes corpus.json.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane.stack.ports import ports_free
from controlplane.stack.ready import http_status
from controlplane.stack.testing import wait_until
from tests.compat.programs import Client
from tests.environments import environment_python

ENVIRONMENT = "mlflow-3"
PROGRAMS = ("fluent", "registry", "edges")


@contextmanager
def mlflow_started(folder: Path) -> Iterator[str]:
    """The address of an MLflow server on a database of its own in a folder, as mlflow.db beside mlartifacts."""
    [port] = ports_free(1)
    url = f"http://127.0.0.1:{port}"
    command = [
        environment_python(ENVIRONMENT), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", str(folder / "mlartifacts"),
    ]  # fmt: skip
    with (folder / "server.txt").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        try:
            wait_until(lambda: http_status(f"{url}/health") == 200, 180, "MLflow's server")
            yield url
        finally:
            process.terminate()
            process.wait(timeout=60)


def record(target: Path) -> int:
    """Write what the programs sent and what MLflow answered; returns how many calls."""
    with tempfile.TemporaryDirectory(prefix="fairway-record-") as name:
        folder = Path(name)
        lines = folder / "lines.txt"
        with mlflow_started(folder) as url:
            client = Client(url, "", folder / "clients")
            for program in PROGRAMS:
                client.run("recorded", str(lines), program, environment=ENVIRONMENT)
        calls = [json.loads(line) for line in lines.read_text().splitlines()]
    target.write_text("[\n" + ",\n".join(json.dumps(call, ensure_ascii=False) for call in calls) + "\n]\n")
    return len(calls)


if __name__ == "__main__":
    print(record(Path(__file__).with_name("corpus.json")), "calls")  # noqa: T201
