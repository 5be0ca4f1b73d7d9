"""Which objects refer to which stored bytes: what the disk holds, for whom, and what nothing needs any more.

A room registers sources in `AppConfig.ready()`. Each is one SELECT of its own tables, so that a question over a
million references is one join in the database and never a loop here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class BlobSource:
    """One kind of reference. `sql` is a constant SELECT of team_id, sha256, object_id, object_label.

    It leaves out what was purged, so that a tombstone holds no bytes. `url(object_id)` is the object's page.
    """

    key: str
    label: str
    sql: str
    url: Callable[[uuid.UUID], str] = lambda pk: ""


@dataclass(frozen=True, slots=True)
class LooseSource:
    """Bytes of the store outside the blobs (parts of uploads). `sql`: SELECT team_id, files, bytes."""

    key: str
    label: str
    sql: str


@dataclass(frozen=True, slots=True)
class BlobReference:
    """An object that needs a blob."""

    key: str
    kind: str
    team_id: uuid.UUID
    object_id: uuid.UUID
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class UseRow:
    """What one kind of object of one team holds; the same bytes count once within it."""

    team_id: uuid.UUID
    key: str
    kind: str
    objects: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """The whole store; `unreferenced` is what the collector takes once its grace time is over."""

    files: int
    bytes: int
    unreferenced_files: int
    unreferenced_bytes: int
    checked_files: int
    checked_oldest: datetime | None
    faults: int


@dataclass(frozen=True, slots=True)
class WeekRow:
    """Bytes that were first stored in the week that begins on `week`, and are still there."""

    week: datetime
    files: int
    bytes: int


PLACES_SQL = (
    "(SELECT b.sha256, coalesce(p.place_id, '00000000-0000-0000-0000-000000000001'::uuid) AS place_id, b.size, "
    "        coalesce(p.ready_at, b.created_at) AS stored_at "
    " FROM core_storedblob b LEFT JOIN core_blobplace p ON p.blob_id = b.sha256)"
)
"""Every copy of every blob: (sha256, place_id, size, stored_at). One without a row lies in the own store."""

_sources: dict[str, BlobSource] = {}
_loose: dict[str, LooseSource] = {}


def blob_source_register(*sources: BlobSource) -> None:
    """A room says which blobs its objects refer to; called from `AppConfig.ready()`."""
    for source in sources:
        _sources[source.key] = source


def loose_source_register(*sources: LooseSource) -> None:
    """A room says what else of its own lies in the store."""
    for source in sources:
        _loose[source.key] = source


def blob_source_list() -> list[BlobSource]:
    return list(_sources.values())


_COLUMNS = "NULL::uuid AS team_id, NULL::text AS sha256, NULL::uuid AS object_id, NULL::text AS object_label"


def references_sql() -> str:
    """Every reference of every room. Keys and statements are the rooms' own constants, never input."""
    parts = [f"SELECT {_COLUMNS}, ''::text AS source WHERE false"]
    parts += [
        f"SELECT team_id, sha256::text, object_id, object_label::text, '{s.key}'::text FROM ({s.sql}) x"  # noqa: S608
        for s in _sources.values()
    ]
    return f"({' UNION ALL '.join(parts)})"


def rows_read(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def reference_made(row: Sequence[Any]) -> BlobReference:
    """From (source, team_id, object_id, object_label)."""
    key, team_id, object_id, label = row
    return BlobReference(key, _sources[key].label, team_id, object_id, label, _sources[key].url(object_id))


def reference_exists(sha256: str) -> bool:
    """Does any registered object refer to these bytes?"""
    return bool(rows_read(f"SELECT 1 FROM {references_sql()} r WHERE r.sha256 = %s LIMIT 1", [sha256]))  # noqa: S608


def references_of(hashes: Sequence[str], *, limit: int = 5000) -> dict[str, list[BlobReference]]:
    """Who refers to each of these hashes, over all teams: for checks and previews, never for access."""
    rows = rows_read(
        f"SELECT DISTINCT sha256, source, team_id, object_id, object_label FROM {references_sql()} r "  # noqa: S608
        "WHERE r.sha256 = ANY(%s) ORDER BY source, object_label, object_id LIMIT %s",
        [list(hashes), limit],
    )
    found: dict[str, list[BlobReference]] = {sha256: [] for sha256 in hashes}
    for sha256, key, team_id, object_id, label in rows:
        found[sha256].append(reference_made((key, team_id, object_id, label)))
    return found


def disk_use(team_ids: frozenset[uuid.UUID] | None = None) -> list[UseRow]:
    """Per team and kind, the largest first; None means all teams. Bytes shared by two kinds count in both."""
    rows = rows_read(
        f"WITH a AS MATERIALIZED (SELECT team_id, source, sha256, object_id FROM {references_sql()} x "  # noqa: S608
        "  WHERE sha256 <> '' AND (%s::uuid[] IS NULL OR team_id = ANY(%s::uuid[]))), "
        "held AS (SELECT team_id, source, count(DISTINCT object_id) AS objects FROM a GROUP BY 1, 2), "
        "kept AS (SELECT d.team_id, d.source, count(*) AS files, coalesce(sum(b.size), 0)::bigint AS bytes "
        "  FROM (SELECT DISTINCT team_id, source, sha256 FROM a) d "
        "  LEFT JOIN core_storedblob b USING (sha256) GROUP BY 1, 2) "
        "SELECT team_id, source, objects, files, bytes FROM held JOIN kept USING (team_id, source)",
        [_ids(team_ids), _ids(team_ids)],
    )
    found = [UseRow(row[0], row[1], _sources[row[1]].label, *row[2:]) for row in rows]
    for loose in _loose.values():
        for team_id, files, size in rows_read(loose.sql):
            if files and (team_ids is None or team_id in team_ids):
                found.append(UseRow(team_id, loose.key, loose.label, files, files, size))
    return sorted(found, key=lambda row: (-row.bytes, str(row.team_id), row.key))


def team_totals(team_ids: frozenset[uuid.UUID] | None = None) -> dict[uuid.UUID, int]:
    """{team: bytes}, where the same bytes count once in a team."""
    rows = rows_read(
        "SELECT r.team_id, coalesce(sum(b.size), 0)::bigint FROM ("  # noqa: S608
        f"  SELECT DISTINCT team_id, sha256 FROM {references_sql()} a) r "
        "JOIN core_storedblob b ON b.sha256 = r.sha256 "
        "WHERE %s::uuid[] IS NULL OR r.team_id = ANY(%s::uuid[]) GROUP BY r.team_id",
        [_ids(team_ids), _ids(team_ids)],
    )
    return dict(rows)  # type: ignore[arg-type]


def _ids(team_ids: frozenset[uuid.UUID] | None) -> list[uuid.UUID] | None:
    return None if team_ids is None else sorted(team_ids)


def store_totals() -> StoreTotals:
    """What lies in the store, whoever it belongs to."""
    row = rows_read(
        "SELECT count(*), coalesce(sum(b.size), 0)::bigint, count(*) FILTER (WHERE r.sha256 IS NULL), "  # noqa: S608
        "       coalesce(sum(b.size) FILTER (WHERE r.sha256 IS NULL), 0)::bigint, count(b.checked_at), "
        "       min(b.checked_at), count(*) FILTER (WHERE b.fault <> '') FROM core_storedblob b "
        f"LEFT JOIN (SELECT DISTINCT sha256 FROM {references_sql()} a) r ON r.sha256 = b.sha256"
    )[0]
    return StoreTotals(*row)


def growth_by_week(weeks: int = 8) -> list[WeekRow]:
    """The last weeks, oldest first; a week without new bytes is there with zeros. Weeks begin on Monday, UTC."""
    rows = rows_read(
        "WITH weeks AS (SELECT generate_series("
        "  date_trunc('week', now() AT TIME ZONE 'UTC') - make_interval(weeks => %s - 1), "
        "  date_trunc('week', now() AT TIME ZONE 'UTC'), interval '1 week') AS week), "
        "new AS (SELECT date_trunc('week', created_at AT TIME ZONE 'UTC') AS week, count(*) AS files, "
        "  sum(size)::bigint AS bytes FROM core_storedblob "
        "  WHERE created_at >= (SELECT min(week) FROM weeks) AT TIME ZONE 'UTC' GROUP BY 1) "
        "SELECT weeks.week AT TIME ZONE 'UTC', coalesce(files, 0), coalesce(bytes, 0) "
        "FROM weeks LEFT JOIN new USING (week) ORDER BY 1",
        [weeks],
    )
    return [WeekRow(*row) for row in rows]


def blobs_unreferenced(
    before: datetime, *, kept_until: Mapping[uuid.UUID, datetime] | None = None, limit: int = 10_000
) -> list[str]:
    """Hashes that nothing refers to and that nobody has written since `before`, oldest first.

    `kept_until` holds back those of single stores (by id) that were written after a moment of their own.
    """
    kept = kept_until or {}
    rows = rows_read(
        "SELECT b.sha256 FROM core_storedblob b WHERE b.written_at < %s AND NOT EXISTS ("  # noqa: S608
        f"  SELECT 1 FROM {references_sql()} r WHERE r.sha256 = b.sha256) AND NOT EXISTS ("
        "  SELECT 1 FROM unnest(%s::uuid[], %s::timestamptz[]) k(place_id, at) "
        "  WHERE b.written_at >= k.at AND k.place_id IN ("
        f"    SELECT place_id FROM {PLACES_SQL} q WHERE q.sha256 = b.sha256)"
        ") ORDER BY b.written_at LIMIT %s",
        [before, list(kept), list(kept.values()), limit],
    )
    return [row[0] for row in rows]


def references_without_bytes(*, limit: int = 1000) -> list[tuple[str, BlobReference]]:
    """(hash, who refers to it) for references whose bytes the store does not know or has lost."""
    rows = rows_read(
        "SELECT DISTINCT r.sha256, r.source, r.team_id, r.object_id, r.object_label "  # noqa: S608
        f"FROM {references_sql()} r LEFT JOIN core_storedblob b ON b.sha256 = r.sha256 "
        "WHERE r.sha256 <> '' AND (b.sha256 IS NULL OR b.fault <> '') ORDER BY 2, 5, 1 LIMIT %s",
        [limit],
    )
    return [(sha256, reference_made(row)) for sha256, *row in rows]
