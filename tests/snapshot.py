"""The demo as data: told once on a live product, then put into the test's own transaction wherever it is needed.

So tests of pages and of the API see what people see, written by the product itself, without a factory per room.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack

# Rows that every database makes for itself.
OWN = ("django_migrations", "django_content_type", "auth_permission", "django_session")
_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.relname ORDER BY c.relname
"""


def snapshot_take(folder: Path, stack: LiveStack) -> None:
    """Tell the demo on `stack` and write all its rows and files to `folder`."""
    for command in ("demo_accounts", "demo"):
        done = stack.manage(command, seconds=300)
        assert done.returncode == 0, done.stdout + done.stderr
    rows = folder / "rows"
    rows.mkdir(parents=True)
    tables: dict[str, list[str]] = {}
    with psycopg.connect(embedded_urls(stack.config)[0]) as source, source.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for table, columns in cursor.execute(_TABLES).fetchall():
            if table in OWN:
                continue
            query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
            )
            with (rows / table).open("wb") as file, cursor.copy(query) as copy:
                for chunk in copy:
                    file.write(chunk)
            tables[table] = columns
    shutil.copytree(stack.home / "storage", folder / "storage")
    (folder / "tables.json").write_text(json.dumps(tables))


def snapshot_load(folder: Path) -> None:
    """Put the rows into the present transaction, and the files beside those that are stored already.

    Triggers and foreign keys rest meanwhile: sealed rows come as they were.
    """
    tables: dict[str, list[str]] = json.loads((folder / "tables.json").read_text())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, columns in tables.items():
            name = sql.Identifier(table)
            cursor.execute(sql.SQL("DELETE FROM {}").format(name))
            query = sql.SQL("COPY {} ({}) FROM STDIN").format(name, sql.SQL(", ").join(map(sql.Identifier, columns)))
            with cursor.cursor.copy(query) as copy:
                copy.write((folder / "rows" / table).read_bytes())
        for table, columns in tables.items():
            for column in columns:
                cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{table}"', column])
                if (sequence := cursor.fetchone()[0]) is not None:
                    highest = sql.SQL("(SELECT coalesce(max({}), 0) + 1 FROM {})").format(
                        sql.Identifier(column), sql.Identifier(table)
                    )
                    cursor.execute(sql.SQL("SELECT setval(%s, {}, false)").format(highest), [sequence])
        cursor.execute("SET LOCAL session_replication_role = origin")
    shutil.copytree(folder / "storage", Path(settings.STORAGES["blobs"]["OPTIONS"]["location"]), dirs_exist_ok=True)


def snapshot_shared(base: Path) -> Iterator[Path]:
    """The folder of this run's snapshot, taken by whichever of the run's processes asks first."""
    folder = base / "demo-snapshot"
    with (base / "demo-snapshot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "tables.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            home = base / "demo-home"
            with LiveStack(home) as stack:
                snapshot_take(folder, stack)
            shutil.rmtree(home, ignore_errors=True)
    yield folder


def row_one(query: str, *values: Any) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()[0]
