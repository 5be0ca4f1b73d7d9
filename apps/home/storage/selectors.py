"""Reading the store: use by team and kind, growth, faults, single files."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.files.storage import FileSystemStorage, storages
from django.db import connection

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.blob_references import BlobReference, UseRow, disk_use, references_of, team_totals
from apps.core.errors import NotFound
from apps.core.models import StoredBlob

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apps.accounts.models import Team


@dataclass(frozen=True, slots=True)
class TeamUse:
    """What one team holds. `bytes` counts the same bytes once, so it can be less than the sum of its rows."""

    team: Team
    rows: tuple[UseRow, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A file whose bytes are wrong or gone, and who needs them."""

    blob: StoredBlob
    needed_by: tuple[BlobReference, ...]


def use_by_team(actor: Actor) -> list[TeamUse]:
    """Teams in which the actor may manage targets, the one that holds most first."""
    team_ids = actor.team_ids("target.manage")
    totals = team_totals(team_ids)
    rows: dict[uuid.UUID, list[UseRow]] = {}
    for row in disk_use(team_ids):
        rows.setdefault(row.team_id, []).append(row)
    teams = accounts.team_list(actor)
    if team_ids is not None:
        teams = teams.filter(pk__in=team_ids)
    found = [TeamUse(team, tuple(rows.get(team.pk, ())), totals.get(team.pk, 0)) for team in teams]
    return sorted(found, key=lambda use: (-use.bytes, use.team.name))


def database_bytes() -> int:
    """Size of the database on its disk, as the server says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size: int = cursor.fetchone()[0]
    return size


def disk_free() -> int | None:
    """Free bytes of the disk under the store; None when the store is not on a disk of this machine."""
    store = storages["blobs"]
    if not isinstance(store, FileSystemStorage):
        return None
    folder = Path(store.base_location)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def blob_list() -> QuerySet[StoredBlob]:
    """Every stored file. Callers have asked the policy."""
    return StoredBlob.objects.all()


def blob_get(sha256: str) -> tuple[StoredBlob, list[BlobReference]]:
    """A stored file and who needs it. Raises NotFound."""
    blob = StoredBlob.objects.filter(pk=sha256).first()
    if blob is None:
        raise NotFound("There is no such file in the store.")
    return blob, references_of([sha256])[sha256]


def fault_list(*, limit: int = 100) -> list[Fault]:
    """Files that the last check found flipped or missing."""
    blobs = list(StoredBlob.objects.exclude(fault="").order_by("checked_at", "pk")[:limit])
    needed = references_of([blob.pk for blob in blobs]) if blobs else {}
    return [Fault(blob, tuple(needed[blob.pk])) for blob in blobs]
