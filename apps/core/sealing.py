"""Database triggers that keep sealed and append-only rows as they are (invariant I1).

Used in migrations, so that no code path, administration or SQL of the product's own can change such a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, migrations

_FUNCTION = """
CREATE OR REPLACE FUNCTION fairway_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed text[] := CASE WHEN TG_NARGS > 0 AND TG_ARGV[0] <> '' THEN string_to_array(TG_ARGV[0], ',')
                         ELSE '{}' END;
BEGIN
  IF current_setting('fairway.retention', true) = 'on' AND TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'sealed: a row of % may not be deleted', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (to_jsonb(OLD) - allowed) IS DISTINCT FROM (to_jsonb(NEW) - allowed) THEN
    RAISE EXCEPTION 'sealed: a row of % may not be changed', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
"""


def seal_function() -> migrations.RunSQL:
    """The shared trigger function; created by core's first migration."""
    return migrations.RunSQL(_FUNCTION, "DROP FUNCTION IF EXISTS fairway_refuse_change() CASCADE")


def seal_rows(table: str, *, when: str = "true", allow: Sequence[str] = (), name: str = "sealed") -> migrations.RunSQL:
    """Refuse UPDATE and DELETE of rows of `table` for which the SQL condition `when` (on OLD) holds.

    `allow` names columns that may still change. Within `retention()` rows may be deleted, never updated.
    """
    trigger = f"{table}_{name}"
    return migrations.RunSQL(
        f"CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW WHEN ({when}) "
        f"EXECUTE FUNCTION fairway_refuse_change('{','.join(allow)}')",
        f"DROP TRIGGER IF EXISTS {trigger} ON {table}",
    )


def seal_children(
    table: str, *, foreign_key: str, parent: str, when: str, name: str = "parent_sealed"
) -> migrations.RunSQL:
    """Refuse INSERT, UPDATE and DELETE of rows whose parent is sealed (`when`: SQL on the parent's columns).

    `name` tells the triggers of a table with several parents apart.
    """
    function = f"{table}_{name}"
    return migrations.RunSQL(
        # Names and conditions are constants of our own migrations.
        f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE parent_id uuid := CASE WHEN TG_OP = 'INSERT' THEN NEW.{foreign_key} ELSE OLD.{foreign_key} END;
        BEGIN
          IF current_setting('fairway.retention', true) IS DISTINCT FROM 'on'
             AND EXISTS (SELECT 1 FROM {parent} WHERE id = parent_id AND ({when})) THEN
            RAISE EXCEPTION 'sealed: the row of % belongs to a sealed row of {parent}', TG_TABLE_NAME
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$;
        CREATE TRIGGER {function} BEFORE INSERT OR UPDATE OR DELETE ON {table}
          FOR EACH ROW EXECUTE FUNCTION {function}();
        """,  # noqa: S608
        f"DROP FUNCTION IF EXISTS {function}() CASCADE",
    )


@contextmanager
def retention() -> Iterator[None]:
    """Inside a transaction: until the block ends, sealed rows may be deleted, never changed."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL fairway.retention = 'on'")
    yield
    # Where the block failed, the setting goes with its transaction.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL fairway.retention = 'off'")
