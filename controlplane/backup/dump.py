"""The database in and out of one file, by PostgreSQL's own tools."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings

from controlplane.stack.messages import StackError
from controlplane.stack.postgres import binary

# Table by table: end the sessions that hold it, then wait for it less than a moment. Locks that were got are kept, so
# each round comes closer, and a deadlock costs one round. Autovacuum gives way by itself within deadlock_timeout (1 s).
_TAKE_OVER = """
BEGIN;
SET LOCAL lock_timeout = '1500ms';
DO $$
DECLARE
    place regclass;
    latest timestamptz := clock_timestamp() + interval '60 seconds';
BEGIN
    FOR place IN
        SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY oid
    LOOP
        LOOP
            PERFORM pg_terminate_backend(pid, 1000)
            FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid IN (
                SELECT pid FROM pg_locks
                WHERE relation = place AND granted AND pid <> pg_backend_pid()
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            );
            BEGIN
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', place);
                EXIT;
            EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                IF clock_timestamp() > latest THEN
                    RAISE EXCEPTION 'Other sessions do not let go of %. Stop them, then restore again.', place;
                END IF;
            END;
        END LOOP;
    END LOOP;
END
$$;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""


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


def database_replace(source: Path) -> None:
    """Put the contents of `source` in the place of the database's, in one transaction. Raises BackupFailed.

    Other processes may go on working: whoever holds a lock loses its connection, whoever comes later waits, and
    nobody sees a database that is half of one and half of the other. A failure leaves what was there.
    """
    database = settings.DATABASES["default"]
    environment = _environment(database)
    psql = [tool("psql"), *_address(database), "--dbname", database["NAME"], "--no-psqlrc", "--quiet"]
    restore = [tool("pg_restore"), "--file=-", "--no-owner", "--no-privileges", str(source)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603 - fixed programs, arguments from the settings
            [*psql, "--set=ON_ERROR_STOP=1"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        ) as loader,
    ):
        pipe = cast("IO[bytes]", loader.stdin)
        whole = False
        # A loader that failed has closed its end; what it said tells why.
        with contextlib.suppress(BrokenPipeError), pipe:
            pipe.write(_TAKE_OVER.encode())
            pipe.flush()
            read = subprocess.run(restore, env=environment, stdout=pipe, stderr=said, check=False)  # noqa: S603
            whole = read.returncode == 0
            # Without this line, the end of the input is the end of the transaction and nothing is changed.
            if whole:
                pipe.write(b"COMMIT;\n")
        loader.wait()
        said.seek(0)
        text = said.read().decode(errors="replace").strip()
    if not whole or loader.returncode != 0:
        raise BackupFailed(f"The database could not be loaded, and nothing was changed: {text[-1000:]}")
