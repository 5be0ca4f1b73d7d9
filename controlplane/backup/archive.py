"""One backup: a folder with the database, the files and a manifest that both are checked against."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from apps.audit import selectors as audit
from apps.audit.services import audit_seal
from apps.core.build import build
from controlplane.backup.dump import BackupFailed, database_dump, database_replace
from controlplane.backup.files import Say, files_check, files_in, files_out

FORMAT = 1
_MIGRATE_TRIES = 5
_COUNTED = ("accounts", "problems", "datasets", "jobs", "experiments", "registry", "evaluations", "reviews", "audit")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; `audit_hash` is the head of the sealed chain."""

    format: int
    made_at: str
    version: str
    commit: str
    migrations: dict[str, str]
    database_sha256: str
    files: dict[str, int]
    counts: dict[str, int]
    audit_sequence: int
    audit_hash: str
    key_hint: str

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises BackupFailed when the folder holds no backup of this format."""
        try:
            data = json.loads((folder / "manifest.json").read_text())
        except (OSError, ValueError) as error:
            raise BackupFailed(f"{folder} holds no backup: {error}") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BackupFailed("The backup has another format than this version reads.")
        return cls(**data)


def key_hint() -> str:
    """Tells two installations' secret keys apart without giving one away."""
    return hashlib.sha256(b"fairway backup " + settings.SECRET_KEY.encode()).hexdigest()[:16]


def row_counts() -> dict[str, int]:
    """Rows per table of the rooms whose loss people would notice."""
    return {
        model._meta.label_lower: model._default_manager.count()
        for room in _COUNTED
        for model in apps.get_app_config(room).get_models()
    }


def migrations_applied() -> dict[str, str]:
    """{app: newest applied migration}."""
    newest: dict[str, str] = {}
    for app, name in sorted(MigrationLoader(connection).applied_migrations):
        newest[app] = name
    return newest


def backup_make(folder: Path, say: Say) -> Manifest:
    """Write a backup to a new folder. Raises BackupFailed; an unfinished folder has no manifest."""
    if folder.exists() and any(folder.iterdir()):
        raise BackupFailed(f"{folder} is not empty: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Rows first, files afterwards: every file that a row of the snapshot names is in the store by then.
    while audit_seal():
        pass
    sequence, head = audit.chain_head()
    counts = row_counts()
    say("the database")
    database_dump(folder / "database.dump")
    say("the files")
    files = files_out(folder / "files", say)
    made = build()
    manifest = Manifest(
        format=FORMAT,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=made.version,
        commit=made.commit,
        migrations=migrations_applied(),
        database_sha256=_sha256(folder / "database.dump"),
        files=files,
        counts=counts,
        audit_sequence=sequence,
        audit_hash=head,
        key_hint=key_hint(),
    )
    text = json.dumps(asdict(manifest), indent=1)
    descriptor = os.open(folder / "manifest.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def backup_check(folder: Path, say: Say) -> Manifest:
    """Check a backup without restoring it. Raises BackupFailed."""
    manifest = Manifest.read(folder)
    say("the database's hash")
    if _sha256(folder / "database.dump") != manifest.database_sha256:
        raise BackupFailed("The database of the backup was altered.")
    say(f"the hashes of {len(manifest.files)} files")
    files_check(folder / "files", manifest.files)
    return manifest


def backup_restore(folder: Path, say: Say, *, replace: bool = False) -> dict[str, Any]:
    """Check a backup, then put it in the place of the present contents; migrates and checks what came.

    An installation that holds teams is replaced only when `replace` says so. Other processes of it may go on working.
    Raises BackupFailed; the database is loaded all or nothing.
    """
    manifest = backup_check(folder, say)
    _newer_refuse(manifest)
    if not replace and _has_contents():
        raise BackupFailed("This installation is not empty. Say --replace to put the backup in its place.")
    say("the database")
    connection.close()
    database_replace(folder / "database.dump")
    say("migrations")
    _migrate()
    # After the migrations: the store notes its files in a table that an older backup may not have.
    say("the files")
    restored = files_in(folder / "files", manifest.files)
    say("the audit chain")
    report = audit.audit_verify(expect_sequence=manifest.audit_sequence, expect_hash=manifest.audit_hash)
    counts = row_counts()
    fewer = {
        name: [count, counts.get(name, 0)] for name, count in manifest.counts.items() if counts.get(name, 0) < count
    }
    if not report.ok:
        raise BackupFailed(f"Restored, but the audit chain does not hold: {report.first_fault}")
    if fewer:
        raise BackupFailed(f"Restored, but rows are missing (then, now): {fewer}")
    return {
        "files": restored,
        "audit_entries": report.checked,
        "rows": sum(counts.values()),
        "other_key": manifest.key_hint != key_hint(),
        "made_at": manifest.made_at,
    }


def _newer_refuse(manifest: Manifest) -> None:
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    unknown = [f"{app}.{name}" for app, name in manifest.migrations.items() if (app, name) not in known]
    if unknown:
        raise BackupFailed(
            f"The backup is of a newer Fairway ({manifest.version}): {', '.join(unknown)} is unknown here. "
            "Upgrade first."
        )


def _has_contents() -> bool:
    if "accounts_team" not in connection.introspection.table_names():
        return False
    return bool(apps.get_model("accounts", "Team").objects.exists())


def _migrate() -> None:
    """Bring an older backup up to date beside processes that work on it: a deadlock undoes one migration, no more."""
    for _ in range(_MIGRATE_TRIES):
        try:
            call_command("migrate", interactive=False, verbosity=0)
            return
        except OperationalError as error:
            cause = error
            connection.close()
    raise BackupFailed(f"Restored, but not migrated: stop the other processes and run `migrate`. {cause}")
