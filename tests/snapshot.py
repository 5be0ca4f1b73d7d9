"""The demo as data: told once on a live product, then put into the test's own transaction wherever it is needed.

So tests of pages and of the API see what people see, written by the product itself, without a factory per room.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from apps.core.tests.remember import Table, store_folder, tables_read, tables_write
from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack
from tests.flows.stack import demo_tell

_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"

_LIFT = """
SELECT setval(%s, greatest(%s, coalesce((SELECT last_value FROM pg_sequences WHERE sequencename = %s), 1)))
"""


def snapshot_take(folder: Path, stack: LiveStack) -> None:
    """Write all rows and files of `stack` to `folder`."""
    rows = folder / "rows"
    rows.mkdir(parents=True)
    with psycopg.connect(embedded_urls(stack.config)[0]) as source, source.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tables = tables_read(cursor)
        numbers = cursor.execute(_SEQUENCES).fetchall()
    for table in tables:
        (rows / table.name).write_bytes(table.rows)
    shutil.copytree(stack.home / "storage", folder / "storage")
    (folder / "sequences.json").write_text(json.dumps(dict(numbers)))
    (folder / "tables.json").write_text(json.dumps({table.name: table.columns for table in tables}))


def snapshot_load(folder: Path) -> None:
    """Put the rows in place of those of the present transaction, and the files beside those that are stored already."""
    named: dict[str, list[str]] = json.loads((folder / "tables.json").read_text())
    tables = [Table(name, columns, (folder / "rows" / name).read_bytes()) for name, columns in named.items()]
    tables_write(tables)
    with connection.cursor() as cursor:
        # No number that the rows hold is given again.
        for name, last in json.loads((folder / "sequences.json").read_text()).items():
            cursor.execute(_LIFT, [name, last, name])
    shutil.copytree(folder / "storage", store_folder(), dirs_exist_ok=True)


def snapshot_shared(base: Path, told: LiveStack | None = None) -> Path:
    """The folder of this run's snapshot, taken by whichever of the run's processes comes first.

    From `told`, a live product that was told the demo and nothing else; without one, from a product of its own.
    """
    folder = base / "demo-snapshot"
    with (base / "demo-snapshot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "tables.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            if told is not None:
                snapshot_take(folder, told)
            else:
                home = base / "demo-home"
                with LiveStack(home) as stack:
                    demo_tell(stack)
                    snapshot_take(folder, stack)
                shutil.rmtree(home, ignore_errors=True)
    return folder


def row_one(query: str, *values: Any) -> Any:
    """The first column of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()[0]
