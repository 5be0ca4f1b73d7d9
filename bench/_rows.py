"""Many runs and jobs, written at once as copies of the demo's own, so that lists and pages have something to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from uuid_utils import uuid7

_CHUNK = 5_000


def runs_add(cursor: Any, count: int) -> None:
    """Copy the runs there are, in turn, with their metrics, until `count` were added. They are open and have no job."""
    _copies(cursor, "experiments_run", count, {"sealed_at": "NULL", "job_id": "NULL", "name": "o.name || ' ' || n.n"})
    cursor.execute(
        "INSERT INTO experiments_runmetric (run_id, experiment_id, key, value) "
        "SELECT r.id, r.experiment_id, m.key, (m.value ->> 0)::float8 "
        "FROM experiments_run r, jsonb_each(r.metrics_latest) m ON CONFLICT DO NOTHING"
    )
    cursor.execute("ANALYZE experiments_run, experiments_metric, experiments_runmetric, experiments_runparam")


def jobs_add(cursor: Any, count: int) -> None:
    """Copy the ended jobs there are, in turn, until `count` were added, with an attempt each."""
    cursor.execute("SELECT max(number) FROM jobs_job")
    highest = int(cursor.fetchone()[0])
    _copies(
        cursor,
        "jobs_job",
        count,
        {"number": f"{highest} + n.n", "idempotency_key": "NULL", "run_id": "NULL"},
    )
    cursor.execute("ANALYZE jobs_job, jobs_jobattempt")


_PARTS = {
    "experiments_run": ("experiments_metric", "run_id"),
    "jobs_job": ("jobs_jobattempt", "job_id"),
}


def _copies(cursor: Any, table: str, count: int, changed: dict[str, str]) -> None:
    columns = _columns(cursor, table)
    values = ", ".join("n.id" if name == "id" else changed.get(name, f'o."{name}"') for name in columns)
    part, owner = _PARTS[table]
    part_columns = [name for name in _columns(cursor, part) if name != "id"]
    part_values = ", ".join("n.id" if name == owner else f'p."{name}"' for name in part_columns)
    part_id, part_id_value = ("", "") if _is_number(cursor, part) else ('"id", ', "gen_random_uuid(), ")
    cursor.execute(
        f'CREATE TEMPORARY TABLE old ON COMMIT DROP AS SELECT *, row_number() OVER (ORDER BY id) AS n FROM "{table}"'
    )
    cursor.execute("SELECT count(*) FROM old")
    total = int(cursor.fetchone()[0])
    for begun in range(0, count, _CHUNK):
        numbers = range(begun, min(begun + _CHUNK, count))
        fresh = "(SELECT id, n FROM unnest(%s::uuid[], %s::int[]) AS n(id, n)) n JOIN old o ON o.n = 1 + n.n %% %s"
        arguments = [_ids(numbers), [number + 1 for number in numbers], total]
        cursor.execute(f'INSERT INTO "{table}" ({_names(columns)}) SELECT {values} FROM {fresh}', arguments)
        cursor.execute(
            f'INSERT INTO "{part}" ({part_id}{_names(part_columns)}) SELECT {part_id_value}{part_values} '
            f'FROM {fresh} JOIN "{part}" p ON p."{owner}" = o.id',
            arguments,
        )
    cursor.execute("DROP TABLE old")


def _ids(numbers: Iterable[int]) -> list[UUID]:
    return [UUID(str(uuid7())) for _ in numbers]


def _names(columns: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _columns(cursor: Any, table: str) -> list[str]:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s "
        "AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    )
    return [row[0] for row in cursor.fetchall()]


def _is_number(cursor: Any, table: str) -> bool:
    cursor.execute(
        "SELECT is_identity = 'YES' FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name = %s AND column_name = 'id'",
        [table],
    )
    return bool(cursor.fetchone()[0])
