"""The database in and out of one file, by PostgreSQL's own tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings

from controlplane.stack.messages import StackError
from controlplane.stack.postgres import binary


class BackupFailed(Exception):
    """The backup or restore cannot go on; the message says why and what to do."""


def tool(name: str) -> str:
    """The program of the embedded PostgreSQL, else the one on the PATH. Raises BackupFailed."""
    try:
        return str(binary(name))
    except StackError:
        found = shutil.which(name)
    if found is None:
        raise BackupFailed(f"{name} was not found: install PostgreSQL's client programs.")
    return found


def _environment(database: dict[str, Any]) -> dict[str, str]:
    """The password goes by the environment of this one child, never by its arguments."""
    return {"PATH": os.defpath, "PGPASSWORD": database["PASSWORD"], "LC_ALL": "C.UTF-8"}


def _address(database: dict[str, Any]) -> list[str]:
    options = ["--username", database["USER"], "--no-password"]
    if database["HOST"]:
        options += ["--host", database["HOST"]]
    if database["PORT"]:
        options += ["--port", database["PORT"]]
    return options


def _run(arguments: list[str], database: dict[str, Any]) -> None:
    done = subprocess.run(  # noqa: S603 - fixed programs, arguments from the settings
        arguments, env=_environment(database), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BackupFailed(f"{Path(arguments[0]).name} failed: {done.stderr.strip()[-1000:]}")


def database_dump(target: Path) -> None:
    """Write the database to `target`, one consistent snapshot. Raises BackupFailed."""
    database = settings.DATABASES["default"]
    arguments = [tool("pg_dump"), *_address(database), "--format=custom", "--no-owner", "--no-privileges"]
    _run([*arguments, "--file", str(target), database["NAME"]], database)


def database_load(source: Path) -> None:
    """Replace the database's contents by those of `source`, all or nothing. Raises BackupFailed."""
    database = settings.DATABASES["default"]
    arguments = [tool("pg_restore"), *_address(database), "--dbname", database["NAME"], "--no-owner"]
    _run([*arguments, "--no-privileges", "--single-transaction", "--exit-on-error", str(source)], database)
