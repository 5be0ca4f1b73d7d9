"""Fairway as a person starts it, and MLflow's own server, tuned, on another database of the same PostgreSQL.

MLflow is installed once in an environment of its own, from a locked list, and asks nobody who they are. Tuned means:
PostgreSQL, two workers as Fairway has, uvloop and httptools, no processes for jobs.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench._tracking_wire import Server
from controlplane.stack.config import ROOT
from controlplane.stack.embedded import embedded_urls
from controlplane.stack.ports import HOST, ports_free
from controlplane.stack.ready import http_status, wait_until
from controlplane.stack.services import WEB_WORKERS
from controlplane.stack.testing import LiveStack
from tests.environments import environment_python

ENVIRONMENT = "mlflow-server"
USER = "scientist"
_VERSIONS = """
from importlib.metadata import version
print(", ".join(f"{name} {version(name)}" for name in ("mlflow", "uvicorn", "uvloop", "httptools", "psycopg2-binary")))
"""


class DurableStack(LiveStack):
    """The product as `make run` starts it: a power cut loses nothing, and every commit waits for the disk."""

    command = (sys.executable, "-m", "controlplane.stack", "run")


@dataclass(frozen=True)
class Both:
    """The two servers, and the product behind the first."""

    fairway: Server
    mlflow: Server
    stack: LiveStack

    @property
    def servers(self) -> tuple[Server, Server]:
        return self.fairway, self.mlflow


@contextmanager
def both_started(folder: Path) -> Iterator[Both]:
    """Both, ready, with everything they write in a folder."""
    python = environment_python(ENVIRONMENT)
    with DurableStack(folder / "fairway") as stack:
        if stack.manage("demo_accounts").returncode:
            sys.exit("there are no accounts")
        token = stack.manage("token_create", "--user", USER).stdout.strip()
        database_url = embedded_urls(stack.config)[0]
        fairway = Server("Fairway", stack.config.port, token, stack.pid("web"), database_url)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE mlflow")
        with mlflow_started(python, folder / "mlflow", database_url) as mlflow:
            yield Both(fairway, mlflow, stack)


@contextmanager
def mlflow_started(python: str, folder: Path, beside: str) -> Iterator[Server]:
    """MLflow's server on the database `mlflow` of the PostgreSQL whose other database is `beside`."""
    folder.mkdir()
    [port] = ports_free(1)
    database_url = urlsplit(beside)._replace(scheme="postgresql", path="/mlflow").geturl()
    command = [
        python, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", str(WEB_WORKERS),
        "--artifacts-destination", str(folder / "files"),
    ]  # fmt: skip
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    env |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env["MLFLOW_BACKEND_STORE_URI"] = database_url.replace("postgresql:", "postgresql+psycopg2:", 1)
    with (folder / "server.txt").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=output)
        server = Server("MLflow", port, "", process.pid, database_url)
        try:
            wait_until(
                lambda: process.poll() is not None or http_status(f"{server.url}/health") == 200, 180, "MLflow's server"
            )
            if process.poll() is not None:
                sys.exit((folder / "server.txt").read_text(errors="replace")[-3000:])
            yield server
        finally:
            process.terminate()
            process.wait(timeout=60)


def conditions(both: Both) -> str:
    """What a figure is worth nothing without."""
    with psycopg.connect(both.fairway.database_url) as connection:
        postgres = connection.execute("SHOW server_version").fetchone() or ("?",)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    packages = subprocess.run(
        [environment_python(ENVIRONMENT), "-c", _VERSIONS], capture_output=True, text=True, check=True
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return "\n".join(
        (
            f"machine  {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
            f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} before",
            f"Fairway  {commit.stdout.strip() or 'of no commit'}, {WEB_WORKERS} workers, asked with a token; "
            "permissions and audit are on",
            f"MLflow   {packages.stdout.strip()}, {WEB_WORKERS} workers, no jobs, asks for no token",
            f"both     PostgreSQL {postgres[0]}, one server, every commit on the disk; one client process unless said",
        )
    )
