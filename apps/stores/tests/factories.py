"""Stores, people who manage them, objects that need bytes."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make
from apps.core.actors import Actor, Role
from apps.core.blobs import blob_hold, blob_write
from apps.stores.models import StorageBackend
from apps.stores.services import backend_create, backend_test, team_store_set, test_run


def operator_make() -> Actor:
    """An operator of the whole site."""
    return actor_make(Role.OPERATOR)


def folder_make(path: Path, **fields: Any) -> StorageBackend:
    """A folder that nobody has tested."""
    path.mkdir(parents=True, exist_ok=True)
    return backend_create(actor=operator_make(), **{"name": path.name, "kind": "FILE", "location": str(path), **fields})


def after_test(backend: StorageBackend) -> StorageBackend:
    """After a test, whatever came of it."""
    test_run(test_id=backend_test(actor=operator_make(), backend_id=backend.pk).pk)
    backend.refresh_from_db()
    return backend


def healthy_make(path: Path, **fields: Any) -> StorageBackend:
    """A folder that passed its test."""
    return after_test(folder_make(path, **fields))


def home_give(team: Team, backend: StorageBackend) -> None:
    """The team's new bytes go to this store."""
    team_store_set(actor=operator_make(), team_id=team.pk, backend_id=backend.pk)


def file_of(team: Team, content: bytes) -> str:
    """Bytes that the team writes; nothing refers to them."""
    ref = blob_write([content], team_id=team.pk)
    blob_hold(ref.sha256, team_id=team.pk)
    return ref.sha256


def path_in(folder: Path, sha256: str) -> Path:
    """Where a folder has the bytes, if it has them."""
    return folder / "blobs" / sha256[:2] / sha256[2:4] / sha256


def note_make(team: Team, sha256: str, name: str = "a note") -> uuid.UUID:
    """An object of the team that needs the bytes, in the table of the fixture `notes`."""
    from django.db import connection

    pk = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_notes VALUES (%s, %s, %s, %s)", [team.pk, sha256, pk, name])
    return pk
