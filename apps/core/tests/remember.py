"""Scenes that take the work of many services, made once a process and put back for the tests that follow."""

from __future__ import annotations

import copy
import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

P = ParamSpec("P")
R = TypeVar("R")

# Rows that every database makes for itself.
_MADE = ("django_migrations", "django_content_type", "auth_permission")
OWN = (*_MADE, "django_session")
_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.relname ORDER BY c.relname
"""


@dataclass(frozen=True)
class Table:
    """All rows of a table as COPY writes them."""

    name: str
    columns: list[str]
    rows: bytes


def tables_read(cursor: Any) -> list[Table]:
    """Every table with its rows, by a psycopg cursor; those of the framework left out."""
    found = []
    for name, columns in cursor.execute(_TABLES).fetchall():
        if name in OWN:
            continue
        query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(name)
        )
        with cursor.copy(query) as rows:
            found.append(Table(name, columns, b"".join(bytes(part) for part in rows)))
    return found


def tables_write(tables: list[Table]) -> None:
    """Put rows in place of those of the present transaction.

    Triggers and foreign keys rest meanwhile: sealed rows come as they were.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
            if not table.rows:
                continue
            names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
            query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
            with cursor.cursor.copy(query) as rows:
                rows.write(table.rows)
        cursor.execute("SET LOCAL session_replication_role = origin")


_first: list[Table] = []


def first_rows_note() -> None:
    """Remember what migrations wrote, in a database that nobody has used."""
    with connection.cursor() as cursor:
        _first[:] = [table for table in tables_read(cursor.cursor) if table.rows]


def tables_empty() -> None:
    """Every table as migrations left it: all rows deleted but the framework's own, then their rows put back.

    At once, since most tables hold none.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_TABLES)
        names = [name for name, _ in cursor.fetchall() if name not in _MADE]
        each = sql.SQL("SELECT {}, EXISTS (SELECT FROM {})")
        cursor.execute(sql.SQL(" UNION ALL ").join(each.format(name, sql.Identifier(name)) for name in names))
        for name, filled in cursor.fetchall():
            if filled:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        tables_write(_first)


def store_folder() -> Path:
    """Where this test's blobs lie."""
    return Path(settings.STORAGES["blobs"]["OPTIONS"]["location"])


def remembered(make: Callable[P, R]) -> Callable[P, R]:
    """`make(**fields)` by its services the first time, its rows, files and a copy of its result after that.

    Where the database holds anybody already, or a field is no plain value, it is made afresh.
    """
    kept: dict[str, tuple[list[Table], Path, R]] = {}

    @functools.wraps(make)
    def scene(*args: P.args, **fields: P.kwargs) -> R:
        from apps.accounts.models import User

        key = _key(args, fields)
        if key is None or not connection.in_atomic_block or User.objects.exists():
            return make(*args, **fields)
        if key not in kept:
            made = make(*args, **fields)
            files = Path(tempfile.mkdtemp(prefix="scene-", dir=settings.FAIRWAY_HOME))
            shutil.copytree(store_folder(), files, dirs_exist_ok=True)
            with connection.cursor() as cursor:
                tables = [table for table in tables_read(cursor.cursor) if table.rows]
            kept[key] = tables, files, copy.deepcopy(made)
            return made
        tables, files, made = kept[key]
        tables_write(tables)
        shutil.copytree(files, store_folder(), dirs_exist_ok=True)
        return copy.deepcopy(made)

    return scene


def _key(args: tuple[Any, ...], fields: dict[str, Any]) -> str | None:
    if args:
        return None
    try:
        return json.dumps(fields, sort_keys=True)
    except TypeError:
        return None
