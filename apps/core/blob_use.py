"""What each store holds and for which team, and what a rule of keeping would remove: joins, as in `blob_references`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from apps.core.blob_references import (
    PLACES_SQL,
    BlobReference,
    reference_made,
    references_sql,
    rows_read,
)


@dataclass(frozen=True, slots=True)
class PlaceUse:
    """Copies in one store."""

    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class TeamCopies:
    """What one team needs of one store; without a team: copies that nothing refers to."""

    team_id: uuid.UUID | None
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class KeptPreview:
    """Copies of a store that nothing refers to: all of them, and those that the next round removes."""

    files: int
    bytes: int
    due_files: int
    due_bytes: int


def place_use() -> dict[uuid.UUID, PlaceUse]:
    """{store: what lies in it}; a store that holds nothing is left out."""
    rows = rows_read(f"SELECT place_id, count(*), sum(size)::bigint FROM {PLACES_SQL} p GROUP BY 1")  # noqa: S608
    return {place: PlaceUse(files, size) for place, files, size in rows}


def place_use_by_team(place_id: uuid.UUID) -> list[TeamCopies]:
    """Who needs what of a store, the most first; bytes that two teams need count for both."""
    rows = rows_read(
        "SELECT r.team_id, count(*), coalesce(sum(p.size), 0)::bigint "  # noqa: S608
        f"FROM {PLACES_SQL} p LEFT JOIN (SELECT DISTINCT team_id, sha256 FROM {references_sql()} a) r USING (sha256) "
        "WHERE p.place_id = %s GROUP BY 1 ORDER BY 3 DESC, 1",
        [place_id],
    )
    return [TeamCopies(*row) for row in rows]


def place_references(place_id: uuid.UUID, *, limit: int = 20) -> list[tuple[BlobReference, int]]:
    """(what needs bytes of a store, how many bytes), the largest first."""
    rows = rows_read(
        "SELECT r.source, r.team_id, r.object_id, r.object_label, sum(p.size)::bigint "  # noqa: S608
        f"FROM {PLACES_SQL} p JOIN (SELECT DISTINCT * FROM {references_sql()} a) r USING (sha256) "
        "WHERE p.place_id = %s GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 4, 3 LIMIT %s",
        [place_id, limit],
    )
    return [(reference_made(row[:4]), row[4]) for row in rows]


def team_copies(team_id: uuid.UUID, place_id: uuid.UUID, *, after: str = "", limit: int = 50) -> list[tuple[str, int]]:
    """(hash, bytes) of what a team needs of a store, by hash, beyond `after`."""
    rows = rows_read(
        f"SELECT p.sha256, p.size FROM {PLACES_SQL} p WHERE p.place_id = %s AND p.sha256 > %s AND p.sha256 IN ("  # noqa: S608
        f"  SELECT sha256 FROM {references_sql()} r WHERE r.team_id = %s) ORDER BY 1 LIMIT %s",
        [place_id, after, team_id, limit],
    )
    return [(sha256, size) for sha256, size in rows]


def team_copies_total(team_id: uuid.UUID, place_id: uuid.UUID) -> PlaceUse:
    """How much a team needs of a store."""
    row = rows_read(
        f"SELECT count(*), coalesce(sum(p.size), 0)::bigint FROM {PLACES_SQL} p "  # noqa: S608
        f"WHERE p.place_id = %s AND p.sha256 IN (SELECT sha256 FROM {references_sql()} r WHERE r.team_id = %s)",
        [place_id, team_id],
    )[0]
    return PlaceUse(*row)


def teams_needing(sha256: str) -> set[uuid.UUID]:
    """Teams of which something refers to these bytes."""
    rows = rows_read(f"SELECT DISTINCT team_id FROM {references_sql()} r WHERE r.sha256 = %s", [sha256])  # noqa: S608
    return {row[0] for row in rows if row[0] is not None}


def kept_preview(place_id: uuid.UUID, *, days: int) -> KeptPreview:
    """What a store that keeps unneeded bytes for `days` loses in the collector's next round."""
    before: datetime = timezone.now() - timedelta(days=days)
    row = rows_read(
        "SELECT count(*), coalesce(sum(p.size), 0)::bigint, count(*) FILTER (WHERE b.written_at < %s), "  # noqa: S608
        "       coalesce(sum(p.size) FILTER (WHERE b.written_at < %s), 0)::bigint "
        f"FROM {PLACES_SQL} p JOIN core_storedblob b USING (sha256) "
        f"WHERE p.place_id = %s AND NOT EXISTS (SELECT 1 FROM {references_sql()} r WHERE r.sha256 = p.sha256)",
        [before, before, place_id],
    )[0]
    return KeptPreview(*row)
