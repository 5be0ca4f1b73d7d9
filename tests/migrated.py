"""One migrated database for all processes of a run: each copies it in place of migrating its own.

Every migration from the first on takes as long as hundreds of tests.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from psycopg import sql

from controlplane.stack.config import ROOT

NAME = "fairway_migrated"


def migrated_shared(base: Path) -> str:
    """The name of the database, made by whichever of the run's processes comes first; `base` is what they share."""
    done = base / NAME
    with (base / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _make()
            done.touch()
    return NAME


def _make() -> None:
    known = settings.DATABASES["default"]
    to = {"host": known["HOST"], "port": known["PORT"], "user": known["USER"], "password": known["PASSWORD"]}
    with psycopg.connect(**{name: value for name, value in to.items() if value}, dbname="postgres") as admin:
        admin.autocommit = True
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    there = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{NAME}").geturl()
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--no-input"],
        env={**os.environ, "DATABASE_URL": there},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
